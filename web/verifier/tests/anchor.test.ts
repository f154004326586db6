/** Which checkpoints a receipt of an outside party may name. Source: audit/FORMAT.md, "Anchors". */
import { expect, test } from "vitest";
import { Anchors } from "../anchor";
import { toBase64 } from "../bytes";
import { type Entry } from "../entry";
import type { Json } from "../json";
import { rootOf } from "../merkle";

const ORIGIN = "lww.example/acme/1";
const LEAVES = Array.from({ length: 12 }, (_, at) => new Uint8Array(32).fill(at));

const entry = (detail: Record<string, Json>) =>
  ({
    log: ORIGIN,
    seq: 9,
    kind: "anchor.receipt/1",
    detail: new Map(Object.entries(detail)),
  }) as unknown as Entry;

async function detail(size: number, origin = ORIGIN): Promise<Record<string, Json>> {
  const root = toBase64(await rootOf(LEAVES.slice(0, size)));
  return { anchor: "tsa-one", form: "rfc3161", checkpoint: `${origin}\n${size}\n${root}\n`, receipt: "AAAA" };
}

const refused = async (given: Record<string, Json>, reason: string) =>
  expect(new Anchors(LEAVES).check(entry(given))).rejects.toMatchObject({ reason });

test("a receipt names a checkpoint that its own log had before it", async () => {
  for (const size of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await new Anchors(LEAVES).check(entry(await detail(size)));
  await refused(await detail(10), "bad_anchor");
  await refused(await detail(8, "lww.example/other/1"), "bad_anchor");
  const other = (await detail(7))["checkpoint"] as string;
  await refused({ ...(await detail(8)), checkpoint: other.replace("\n7\n", "\n8\n") }, "bad_anchor");
});

test("what is not of the form is malformed, and an unknown form is no error", async () => {
  const good = await detail(8);
  await new Anchors(LEAVES).check(entry({ ...good, form: "evm" }));
  for (const name of Object.keys(good)) {
    await refused(Object.fromEntries(Object.entries(good).filter(([one]) => one !== name)), "malformed");
    await refused({ ...good, [name]: 1 }, "malformed");
  }
  await refused({ ...good, more: "" }, "malformed");
  await refused({ ...good, receipt: toBase64(new Uint8Array(11_265)) }, "malformed");
});
