import { expect, test } from "vitest";
import { emptyRoot, rootOf } from "../merkle";
import {
  type Bytes,
  commitment,
  fromHex,
  leafHash,
  readCheckpoint,
  readEntry,
  readVerifierKeys,
  Refusal,
  toHex,
  utf8,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  verifyLog,
  verifyReceipt,
} from "../index";
import { vector, vectorJson, vectorText } from "./vectors";

const hash = (hex: string) => fromHex(hex, 32, "test");
const vkey = await vectorText("vkey");

/** The class of the refusal, or "valid". */
async function outcome(act: () => unknown): Promise<string> {
  try {
    await act();
    return "valid";
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

test("entries have their leaf hashes and are read whole", async () => {
  for (const { bytes, leaf } of await vectorJson<{ bytes: string; leaf: string }[]>("entries.json")) {
    expect(toHex(await leafHash(utf8(bytes)))).toBe(leaf);
    const entry = readEntry(utf8(bytes));
    const { seq, kind, time } = JSON.parse(bytes) as Record<string, unknown>;
    expect({ seq: entry.seq, kind: entry.kind, time: entry.time }).toEqual({ seq, kind, time });
  }
});

test("the log's leaves have the kept roots at each size", async () => {
  const tiles = [await vector("tiles/tile/0/000"), await vector("tiles/tile/0/001.p/44")];
  const leaves = tiles.flatMap((tile) =>
    Array.from({ length: tile.length / 32 }, (_, at) => tile.slice(32 * at, 32 * at + 32)),
  );
  for (const { size, root } of await vectorJson<{ size: number; root: string }[]>("roots.json")) {
    expect(toHex(await rootOf(leaves.slice(0, size))), `${size}`).toBe(root);
  }
  expect(toHex(await emptyRoot())).toBe(toHex(await rootOf([])));
});

interface Proofs {
  inclusion: { index: number; size: number; leaf: string; root: string; path: string[] }[];
  consistency: { old: number; old_root: string; new: number; new_root: string; path: string[] }[];
}

test("kept paths verify, and none does with a hash changed, missing, added or turned round", async () => {
  const proofs = await vectorJson<Proofs>("proofs.json");
  for (const { index, size, leaf, root, path } of proofs.inclusion) {
    const verify = (hashes: readonly Bytes[]) =>
      outcome(() => verifyInclusion(hash(leaf), index, size, hashes, hash(root)));
    await checkPath(path.map(hash), verify);
  }
  for (const row of proofs.consistency) {
    const [older, newer] = [
      { size: row.old, root: hash(row.old_root) },
      { size: row.new, root: hash(row.new_root) },
    ];
    await checkPath(row.path.map(hash), (hashes) => outcome(() => verifyConsistency(older, newer, hashes)));
  }
});

async function checkPath(path: readonly Bytes[], verify: (path: readonly Bytes[]) => Promise<string>) {
  expect(await verify(path)).toBe("valid");
  expect(await verify([...path, new Uint8Array(32)])).not.toBe("valid");
  for (const at of path.keys()) {
    const changed = path.map((one, other) =>
      at === other ? one.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) : one,
    );
    expect(await verify(changed)).not.toBe("valid");
    expect(await verify(path.filter((_, other) => at !== other))).not.toBe("valid");
  }
  if (path.length > 1) expect(await verify([...path].reverse())).not.toBe("valid");
}

test("commitments are recomputed from salt and text", async () => {
  type Row = { of: "masked" | "sealed"; salt_hex: string; text: string; commitment: string };
  for (const { of, salt_hex, text, commitment: kept } of await vectorJson<Row[]>("commitments.json")) {
    expect(toHex(await commitment(of, hash(salt_hex), text))).toBe(kept);
    expect(toHex(await commitment(of, hash(salt_hex), `${text} `))).not.toBe(kept);
  }
});

test("kept receipts are valid and say what they prove", async () => {
  for (const [name, index, size] of [
    ["0", 0, 300],
    ["8", 8, 300],
    ["9", 9, 300],
    ["299", 299, 300],
    ["8-of-9", 8, 9],
  ] as const) {
    const verdict = await verifyReceipt(await vector(`receipts/${name}.tlog-proof`), vkey);
    expect(verdict, name).toMatchObject({
      ok: true,
      index,
      size,
      findings: { origin: "lww.example/acme/1" },
    });
  }
  const verdict = await verifyReceipt(await vectorText("receipts/8-of-9.tlog-proof"), vkey);
  if (!verdict.ok) throw new Error(verdict.reason);
  expect(verdict.kind).toBe("message.received/1");
  expect(verdict.opened.map(({ text }) => text)).toEqual([
    "我的卡 ****0008 丢了\n请尽快挂失",
    "我的卡 6222020200110008 丢了\n请尽快挂失",
  ]);
});

test("each negative vector is refused with its class", async () => {
  type Row = { file: string; read_as: string; class: string };
  const keys = await readVerifierKeys(vkey);
  const proof = (await vectorText("negative/checkpoint-forked.proof")).trimEnd().split("\n");
  const path = proof.map((line) => Uint8Array.from(atob(line), (character) => character.charCodeAt(0)));
  for (const row of await vectorJson<Row[]>("negative.json")) {
    const bytes = await vector(row.file);
    const read: Record<string, () => Promise<string>> = {
      entry: () => outcome(() => readEntry(bytes)),
      receipt: async () => {
        const verdict = await verifyReceipt(bytes, vkey);
        return verdict.ok ? "valid" : verdict.reason;
      },
      checkpoint: () => outcome(() => verifyCheckpoint(readCheckpoint(bytes), keys)),
      newer: () =>
        outcome(async () => {
          const [older, newer] = [readCheckpoint(await vector("old.checkpoint")), readCheckpoint(bytes)];
          await verifyCheckpoint(older, keys);
          await verifyCheckpoint(newer, keys);
          await verifyConsistency(older, newer, path);
        }),
    };
    expect(await read[row.read_as]?.(), row.file).toBe(row.class);
  }
});

test("the kept log is valid", async () => {
  expect(await verifyLog((name) => vector(`tiles/${name}`), vkey)).toMatchObject({
    ok: true,
    checkpoint: { size: 300 },
  });
});

test("each flipped byte of the log is refused with its class, file and entry", async () => {
  type Row = { file: string; offset: number; xor: number; class: string; entry: number | null };
  for (const row of await vectorJson<Row[]>("flips.json")) {
    const verdict = await verifyLog(async (name) => {
      const bytes = await vector(`tiles/${name}`);
      if (name === row.file) bytes[row.offset] = (bytes[row.offset] ?? 0) ^ row.xor;
      return bytes;
    }, vkey);
    expect(verdict).toMatchObject({ ok: false, reason: row.class, file: row.file, entry: row.entry });
  }
});

test("a log without a file that its checkpoint needs has a gap", async () => {
  for (const missing of ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"]) {
    const read = async (name: string) => (name === missing ? null : vector(`tiles/${name}`));
    expect(await verifyLog(read, vkey)).toMatchObject({ ok: false, reason: "gap", file: missing });
  }
});
