import { expect, test } from "vitest";
import { verifyReceipt } from "../../../../verifier";
import { vectorText } from "../../../../verifier/tests/vectors";
import { PLACES, tamper } from "./tamper";

test("a copy tampered with at any offered place is refused for that place's reason", async () => {
  const vkey = await vectorText("vkey");
  const receipt = await vectorText("receipts/8.tlog-proof");
  const reasons = {
    entry: "bad_proof",
    path: "bad_proof",
    checkpoint: "bad_signature",
    signature: "bad_signature",
  };
  for (const place of PLACES) {
    const tampered = tamper(receipt, place);
    expect(tampered?.after, place).not.toBe(tampered?.before);
    const verdict = await verifyReceipt(tampered?.receipt ?? "", vkey);
    expect(verdict, place).toMatchObject({ ok: false, reason: reasons[place] });
  }
});
