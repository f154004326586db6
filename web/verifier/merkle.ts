/**
 * Hashes of the tree, and the two proofs about it. Source: RFC 6962 section 2.1 for the hashes, RFC 9162 sections
 * 2.1.3.2 (inclusion) and 2.1.4.2 (consistency) for the verification, audit/FORMAT.md for what is accepted of them.
 */
import { type Bytes, equal, sha256, utf8 } from "./bytes";
import { malformed, Refusal } from "./refusal";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
/** A path has at most this many hashes. */
export const PATH_MAX = 63;

export function leafHash(entry: Uint8Array): Promise<Bytes> {
  return sha256(LEAF, entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(NODE, left, right);
}

/** The root of the tree without leaves. */
export function emptyRoot(): Promise<Bytes> {
  return sha256(utf8(""));
}

/** One step of a path: the sibling, on which side of what was computed so far it is, and what the two make. */
export interface PathStep {
  readonly sibling: Bytes;
  readonly side: "left" | "right";
  readonly made: Bytes;
}

/** What a path leads to. `fits` is whether it has the length that index and size ask for. */
export interface Climb {
  readonly steps: readonly PathStep[];
  readonly root: Bytes;
  readonly fits: boolean;
}

/** Climbs from a leaf to a root by a path. Sizes are below 2^53, so halving is exact. */
export async function climb(
  leaf: Bytes,
  index: number,
  size: number,
  path: readonly Bytes[],
): Promise<Climb> {
  const steps: PathStep[] = [];
  let [node, last, made] = [index, size - 1, leaf];
  let fits = index < size;
  for (const sibling of path) {
    if (last <= 0) fits = false;
    const side = node % 2 === 1 || node === last ? "left" : "right";
    made = await (side === "left" ? nodeHash(sibling, made) : nodeHash(made, sibling));
    steps.push({ sibling, side, made });
    // A node at the right edge without a sibling of its own goes up until it has one.
    while (side === "left" && node % 2 === 0 && node > 0) [node, last] = [half(node), half(last)];
    [node, last] = [half(node), half(last)];
  }
  return { steps, root: made, fits: fits && last === 0 };
}

/** Verifies that a leaf is in the tree of this size and root. */
export async function verifyInclusion(
  leaf: Bytes,
  index: number,
  size: number,
  path: readonly Bytes[],
  root: Bytes,
): Promise<Climb> {
  if (path.length > PATH_MAX) throw malformed("path", `at most ${PATH_MAX} hashes`);
  const climbed = await climb(leaf, index, size, path);
  if (!climbed.fits) throw new Refusal("bad_proof", "path", "as many hashes as index and size ask for");
  if (!equal(climbed.root, root)) throw new Refusal("bad_proof", "path", "a path to the signed root");
  return climbed;
}

/** A tree as a checkpoint states it. */
export interface Tree {
  readonly size: number;
  readonly root: Bytes;
}

/**
 * Verifies that the older tree is the beginning of the newer one. Given that both roots were signed, `fork` and
 * `rollback` mean that the log's owner has cheated; `bad_proof` says nothing about either tree.
 */
export async function verifyConsistency(older: Tree, newer: Tree, path: readonly Bytes[]): Promise<void> {
  if (path.length > PATH_MAX) throw malformed("path", `at most ${PATH_MAX} hashes`);
  if (newer.size < older.size) throw new Refusal("rollback", "size", "a log that only grows");
  if (older.size === newer.size && !equal(older.root, newer.root)) {
    throw new Refusal("fork", "root", "one root for one size");
  }
  if (older.size === 0 && !equal(older.root, await emptyRoot())) {
    throw new Refusal("fork", "root", "the root of the empty tree");
  }
  if (older.size === 0 || older.size === newer.size) {
    if (path.length > 0) throw new Refusal("bad_proof", "path", "an empty proof");
    return;
  }
  const made = await foldConsistency(older, newer, path);
  if (!equal(made.newer, newer.root)) throw new Refusal("bad_proof", "path", "a path to the newer root");
  if (!equal(made.older, older.root)) {
    throw new Refusal("fork", "root", "an older tree that is the beginning of the newer one");
  }
}

async function foldConsistency(older: Tree, newer: Tree, path: readonly Bytes[]) {
  const wrongLength = () => new Refusal("bad_proof", "path", "as many hashes as the sizes ask for");
  let [node, last] = [older.size - 1, newer.size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // A complete older tree is a node of the newer one, so the proof leaves its root out.
  const [first, ...rest] = node === 0 ? [older.root, ...path] : path;
  if (first === undefined) throw wrongLength();
  let made = { older: first, newer: first };
  for (const hash of rest) {
    if (last === 0) throw wrongLength();
    if (node % 2 === 1 || node === last) {
      made = { older: await nodeHash(hash, made.older), newer: await nodeHash(hash, made.newer) };
      while (node % 2 === 0 && node > 0) [node, last] = [half(node), half(last)];
    } else {
      made = { older: made.older, newer: await nodeHash(made.newer, hash) };
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) throw wrongLength();
  return made;
}

/** Computes the root of all these leaves. */
export async function rootOf(leaves: readonly Bytes[]): Promise<Bytes> {
  const [only] = leaves;
  if (only === undefined) return emptyRoot();
  let level = leaves;
  // Pairing neighbours and carrying an odd one up unchanged makes the tree that splits at powers of two.
  while (level.length > 1) {
    const pairs = Array.from({ length: Math.ceil(level.length / 2) }, (_, at) =>
      level.slice(2 * at, 2 * at + 2),
    );
    level = await Promise.all(
      pairs.map(async ([left, right]) => (left && right ? nodeHash(left, right) : (left as Bytes))),
    );
  }
  return level[0] ?? only;
}

function half(value: number): number {
  return Math.floor(value / 2);
}
