/**
 * Checks a whole published log: tiles, bundles and checkpoint. Source: C2SP tlog-tiles, audit/FORMAT.md, "Checking a log".
 * Where the files come from is the caller's matter.
 */
import { type Bytes, equal } from "./bytes";
import { Chains } from "./chain";
import { readEntry } from "./entry";
import { type Generations, Lineage } from "./generation";
import { Keys } from "./keys";
import { leafHash, rootOf } from "./merkle";
import { type Checkpoint, readCheckpoint, readVerifierKeys, verifyCheckpoint } from "./note";
import { malformed, Refusal } from "./refusal";
import { checkSeal } from "./seal";

const WIDTH = 256;
const HASH_BYTES = 32;

/** Returns the bytes of a file of the log, or null when there is no such file. */
export type ReadFile = (name: string) => Promise<Bytes | null>;

export type LogVerdict =
  | { readonly ok: true; readonly checkpoint: Checkpoint; readonly generations: Generations }
  | {
      readonly ok: false;
      readonly reason: Refusal["reason"];
      readonly place: string;
      readonly file: string;
      readonly entry: number | null;
    };

/** A refusal with the file, and the entry if it is one entry's, in which it was met. */
class Finding extends Error {
  constructor(
    readonly refusal: Refusal,
    readonly file: string,
    readonly entry: number | null = null,
  ) {
    super(refusal.message);
  }
}

/** Checks everything that the checkpoint of a log covers. */
export async function verifyLog(readFile: ReadFile, vkey: string): Promise<LogVerdict> {
  try {
    const keys = await readVerifierKeys(vkey);
    const checkpoint = await inFile("checkpoint", null, async () => {
      const read = readCheckpoint(await need(readFile, "checkpoint"));
      await verifyCheckpoint(read, keys);
      return read;
    });
    const leaves = await readLeaves(readFile, checkpoint);
    const lineage = await checkEntries(readFile, checkpoint, leaves);
    const generations = await inFile("checkpoint", null, () => lineage.finish(keys));
    return { ok: true, checkpoint, generations };
  } catch (error) {
    const found = error instanceof Refusal ? new Finding(error, "vkey") : error;
    if (!(found instanceof Finding)) throw error;
    const { refusal, file, entry } = found;
    return { ok: false, reason: refusal.reason, place: refusal.place, file, entry };
  }
}

/** Reads level 0 and the levels over it, each compared with the one below, up to the signed root. */
async function readLeaves(readFile: ReadFile, checkpoint: Checkpoint): Promise<Bytes[]> {
  const leaves = await readLevel(readFile, 0, checkpoint.size);
  if (!equal(await rootOf(leaves), checkpoint.root)) throw await blame(readFile, checkpoint, leaves);
  let below = leaves;
  for (let level = 1; below.length >= WIDTH; level += 1) {
    const expected = await Promise.all(fullTiles(below).map(rootOf));
    const found = await readLevel(readFile, level, expected.length);
    const differs = expected.findIndex((hash, at) => !equal(hash, found[at] ?? new Uint8Array()));
    if (differs >= 0) {
      const refusal = new Refusal("bad_proof", "tile", "the root of the tile below");
      throw new Finding(refusal, tileName(`${level}`, Math.floor(differs / WIDTH), expected.length));
    }
    below = expected;
  }
  return leaves;
}

/** Names the leaf that does not lead to the signed root, if the entries do. */
async function blame(
  readFile: ReadFile,
  { root, size }: Checkpoint,
  leaves: readonly Bytes[],
): Promise<Finding> {
  const refusal = new Refusal("bad_proof", "tile", "hashes that lead to the signed root");
  const hashes: Bytes[] = [];
  for (let bundle = 0; bundle * WIDTH < size; bundle += 1) {
    for (const entry of await readBundle(readFile, bundle, size)) hashes.push(await leafHash(entry));
  }
  const differs = leaves.findIndex((hash, at) => !equal(hash, hashes[at] ?? new Uint8Array()));
  if (differs < 0 || !equal(await rootOf(hashes), root)) return new Finding(refusal, "checkpoint");
  return new Finding(refusal, tileName("0", Math.floor(differs / WIDTH), size), differs);
}

async function checkEntries(
  readFile: ReadFile,
  checkpoint: Checkpoint,
  leaves: readonly Bytes[],
): Promise<Lineage> {
  const lineage = new Lineage(checkpoint.origin, leaves);
  const chains = new Chains(checkpoint.origin);
  const keys = new Keys(leaves);
  for (let bundle = 0; bundle * WIDTH < checkpoint.size; bundle += 1) {
    const file = tileName("entries", bundle, checkpoint.size);
    let index = bundle * WIDTH;
    for (const bytes of await readBundle(readFile, bundle, checkpoint.size, leaves)) {
      const leaf = leaves[index];
      await inFile(file, index, async () => {
        const entry = readEntry(bytes);
        chains.follow(entry, leaf as Bytes, lineage.log(entry));
        await lineage.follow(entry);
        await checkSeal(entry, chains);
        await keys.follow(entry);
      });
      index += 1;
    }
  }
  return lineage;
}

/** Reads a bundle's entries. With the leaf hashes each is compared, before a wrong length can mislead what follows it. */
async function readBundle(
  readFile: ReadFile,
  bundle: number,
  size: number,
  leaves?: readonly Bytes[],
): Promise<Bytes[]> {
  const file = tileName("entries", bundle, size);
  const bytes = await inFile(file, null, () => need(readFile, file));
  const entries: Bytes[] = [];
  let at = 0;
  for (let index = bundle * WIDTH; index < Math.min(size, (bundle + 1) * WIDTH); index += 1) {
    const [high, low] = [bytes[at], bytes[at + 1]];
    const end = at + 2 + (high ?? 0) * 256 + (low ?? 0);
    if (low === undefined || end > bytes.length)
      throw new Finding(malformed("bundle", "a whole entry"), file, index);
    const entry = bytes.slice(at + 2, end);
    const leaf = leaves?.[index];
    if (leaf !== undefined && !equal(await leafHash(entry), leaf)) {
      throw new Finding(new Refusal("bad_proof", "bundle", "the entry of this leaf hash"), file, index);
    }
    entries.push(entry);
    at = end;
  }
  if (at !== bytes.length) throw new Finding(malformed("bundle", "nothing behind the last entry"), file);
  return entries;
}

async function readLevel(readFile: ReadFile, level: number, count: number): Promise<Bytes[]> {
  const hashes: Bytes[] = [];
  for (let tile = 0; tile * WIDTH < count; tile += 1) {
    const file = tileName(`${level}`, tile, count);
    const bytes = await inFile(file, null, () => need(readFile, file));
    const width = Math.min(WIDTH, count - tile * WIDTH);
    if (bytes.length !== width * HASH_BYTES) throw new Finding(malformed("tile", `${width} hashes`), file);
    for (let at = 0; at < bytes.length; at += HASH_BYTES) hashes.push(bytes.slice(at, at + HASH_BYTES));
  }
  return hashes;
}

/** `tile/<level>/<index>`, with `.p/<width>` for the tile at the right edge. */
export function tileName(level: string, tile: number, count: number): string {
  const digits = `${tile}`.padStart(Math.ceil(`${tile}`.length / 3) * 3, "0");
  const groups = digits.match(/[0-9]{3}/g) ?? [];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  const width = count - tile * WIDTH;
  return `tile/${level}/${path}${width < WIDTH ? `.p/${width}` : ""}`;
}

/** The hashes of each full tile; what is over has no hash on the level above. */
function fullTiles(hashes: readonly Bytes[]): Bytes[][] {
  const count = Math.floor(hashes.length / WIDTH);
  return Array.from({ length: count }, (_, at) => hashes.slice(at * WIDTH, (at + 1) * WIDTH));
}

async function need(readFile: ReadFile, name: string): Promise<Bytes> {
  const bytes = await readFile(name);
  if (bytes === null) throw new Refusal("gap", "file", "a file that the checkpoint needs");
  return bytes;
}

async function inFile<T>(file: string, entry: number | null, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Refusal ? new Finding(error, file, entry) : error;
  }
}
