/** What a hostile or broken writer could hand over: flipped bytes, cut ends, entries that are almost right. */
import { expect, test } from "vitest";
import { fromBase64, join } from "../bytes";
import { type Bytes, readEntry, readVerifierKeys, Refusal, toBase64, utf8, verifyReceipt } from "../index";
import { readCanonical } from "../json";
import { climb, rootOf } from "../merkle";
import { leafHash, toHex, verifyConsistency, verifyInclusion } from "../index";
import { consistencyOf, pathOf } from "./maker";
import { ENTRY_EDITS } from "./edits";
import { random } from "./random";
import { vector, vectorJson, vectorText } from "./vectors";

const vkey = await vectorText("vkey");
const receipt = await vector("receipts/8.tlog-proof");

function flipped(bytes: Bytes, at: number, bits: number): Bytes {
  return bytes.map((byte, other) => (other === at ? byte ^ bits : byte));
}

test("a flip of any byte of a receipt is refused", async () => {
  for (const at of receipt.keys()) {
    const verdict = await verifyReceipt(flipped(receipt, at, 1 << (at % 8)), vkey);
    expect(verdict.ok, `byte ${at}`).toBe(false);
  }
});

test("a flip of any byte of what a receipt carries inside its base64 is refused", async () => {
  const text = await vectorText("receipts/8.tlog-proof");
  const line = text.split("\n")[1] ?? "";
  const extra = fromBase64(line.slice("extra ".length), "test");
  for (const at of extra.keys()) {
    const changed = text.replace(line, `extra ${toBase64(flipped(extra, at, 1 << (at % 8)))}`);
    expect((await verifyReceipt(changed, vkey)).ok, `byte ${at}`).toBe(false);
  }
});

test("a receipt cut off anywhere, or with anything behind it, is refused", async () => {
  for (let length = 0; length < receipt.length; length += 7) {
    expect((await verifyReceipt(receipt.slice(0, length), vkey)).ok, `${length} bytes`).toBe(false);
  }
  for (const behind of ["\n", " ", "x", "\n\n", "— \n"]) {
    expect((await verifyReceipt(join(receipt, utf8(behind)), vkey)).ok).toBe(false);
  }
});

test("a flip of any byte of the key is refused", async () => {
  const key = utf8(vkey.trim());
  for (const at of key.keys()) {
    const text = new TextDecoder().decode(flipped(key, at, 1));
    expect((await verifyReceipt(receipt, text)).ok, `byte ${at}`).toBe(false);
  }
});

test("no entry is read that differs in form from what was written", async () => {
  const rows = await vectorJson<{ bytes: string }[]>("entries.json");
  const text = rows[8]?.bytes ?? "";
  expect(readEntry(utf8(text)).seq).toBe(8);
  for (const [from, to] of ENTRY_EDITS) {
    const changed = text.replace(from, to);
    expect(changed, from).not.toBe(text);
    expect(() => readEntry(utf8(changed)), `${from} as ${to}`).toThrow(Refusal);
  }
  for (const version of ["0", "2", "10000"]) {
    const later = text.replace('"v":1}', `"v":${version},"x":1.5} `);
    expect(() => readEntry(utf8(later))).toThrow(expect.objectContaining({ reason: "unknown_version" }));
  }
});

test("a refusal never repeats what it refuses", async () => {
  const secret = "6222020200110008";
  for (const text of [`{"${secret}":1}`, `{"v":"${secret}"}`, `"${secret}`, `{"a":${secret}x}`]) {
    let said = "";
    try {
      readEntry(utf8(text));
    } catch (error) {
      said = `${error}`;
    }
    expect(said).not.toBe("");
    expect(said).not.toContain(secret);
  }
});

test("deep nesting is refused and not followed", () => {
  expect(() => readCanonical("[".repeat(1_000_000), "test", 9)).toThrow(Refusal);
});

test("every leaf of every small tree is proven, and by no other path, place or size", async () => {
  const leaves = await Promise.all(Array.from({ length: 18 }, (_, at) => leafHash(utf8(`${at}`))));
  for (let size = 1; size <= leaves.length; size += 1) {
    const tree = leaves.slice(0, size);
    const root = await rootOf(tree);
    for (const [index, leaf] of tree.entries()) {
      const path = await pathOf(tree, index);
      await verifyInclusion(leaf, index, size, path, root);
      for (let other = 0; other <= size; other += 1) {
        if (other === index) continue;
        await expect(verifyInclusion(leaf, other, size, path, root)).rejects.toThrow(Refusal);
      }
      const { steps } = await climb(leaf, index, size, path);
      expect(steps.length).toBe(path.length);
      expect(toHex(steps.at(-1)?.made ?? leaf)).toBe(toHex(root));
    }
  }
});

test("every small tree is consistent with each beginning of it, and with no forged one", async () => {
  const leaves = await Promise.all(Array.from({ length: 18 }, (_, at) => leafHash(utf8(`${at}`))));
  const forged = await leafHash(utf8("forged"));
  for (let newer = 1; newer <= leaves.length; newer += 1) {
    const tree = { size: newer, root: await rootOf(leaves.slice(0, newer)) };
    for (let older = 1; older <= newer; older += 1) {
      const path = await consistencyOf(older, leaves.slice(0, newer));
      await verifyConsistency({ size: older, root: await rootOf(leaves.slice(0, older)) }, tree, path);
      const other = { size: older, root: await rootOf([forged, ...leaves.slice(1, older)]) };
      await expect(verifyConsistency(other, tree, path)).rejects.toThrow(Refusal);
    }
  }
});

test("random bytes are refused and nothing else happens", async () => {
  const next = random(20260105);
  const text = await vectorText("receipts/9.tlog-proof");
  for (let round = 0; round < 400; round += 1) {
    const bytes = utf8(text);
    for (let count = 1 + (next() % 4); count > 0; count -= 1) bytes[next() % bytes.length] = next() % 256;
    const [from, to] = [next() % bytes.length, next() % bytes.length];
    const cut = round % 3 === 0 ? bytes.slice(from, to) : bytes;
    if (toHex(cut) !== toHex(utf8(text)))
      expect((await verifyReceipt(cut, vkey)).ok, `round ${round}`).toBe(false);
  }
});

test("a key that is no Ed25519 key is refused", async () => {
  for (const text of ["", "\n", "name", "name+00000000", "name+00000000+AQ==", vkey.replace("+A", "+B")]) {
    await expect(readVerifierKeys(text)).rejects.toThrow(Refusal);
  }
});
