import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readStated, Refusal } from "..";

const kept = (name: string) =>
  readFileSync(new URL(`../../../audit/vectors/timestamps/${name}`, import.meta.url));
const detail = (name: string) => ({
  ...{ anchor: "tsa-one", form: "rfc3161", checkpoint: kept("checkpoint").toString() },
  receipt: kept(name).toString("base64"),
});

test("a kept token states its time for its checkpoint, and for no other", async () => {
  for (const [name, at] of [
    ["rsa.der", "2026-11-28T04:00:18Z"],
    ["ecdsa.der", "2026-11-28T04:00:19Z"],
  ] as const) {
    expect(await readStated(detail(name))).toEqual({
      ...{ anchor: "tsa-one", form: "rfc3161", size: 257 },
      ...{ at: Date.parse(at), accuracyMs: 1500 },
    });
    const other = { ...detail(name), checkpoint: detail(name).checkpoint.replace("257", "258") };
    await expect(readStated(other)).rejects.toThrow(Refusal);
  }
});

test("an unknown form states nothing, and what is no token is refused", async () => {
  expect(await readStated({ ...detail("rsa.der"), form: "evm" })).toBeNull();
  const token = kept("rsa.der");
  for (let cut = 0; cut < 400; cut++) {
    const receipt = token.subarray(0, cut).toString("base64");
    await expect(readStated({ ...detail("rsa.der"), receipt })).rejects.toThrow(Refusal);
  }
});
