/**
 * Changes of a log's key: a note in which the old key names its successor, signed by both. Whoever trusts the old key needs nobody's
 * word for the new one. Source: audit/FORMAT.md, "Keys that change".
 */
import { type Bytes, decimal, equal, hashFromBase64 } from "./bytes";
import { readOrigin } from "./entry";
import type { Tree } from "./merkle";
import { type Note, readKey, readNote, type VerifierKey, verifyNote } from "./note";
import { malformed, Refusal } from "./refusal";

/** How the first line of any version begins. */
export const STATEMENT_BEGINS = "lww-key-rotation@";
const FIRST_LINE = "lww-key-rotation@v1";
const ROTATIONS_MAX = 1024;

/** A statement whose form was read; nothing of it is verified. */
export interface Rotation {
  readonly origin: string;
  /** A tree of the log that the old key had signed. */
  readonly tree: Tree;
  readonly old: VerifierKey;
  readonly successor: VerifierKey;
  readonly note: Note;
}

/** Reads a statement's form. */
export async function readRotation(bytes: Bytes): Promise<Rotation> {
  const note = readNote(bytes);
  const [first = "", ...lines] = note.text.split("\n");
  if (first !== FIRST_LINE) {
    const later = /^lww-key-rotation@v(0|[1-9][0-9]*)$/.test(first);
    throw new Refusal(later ? "unknown_version" : "malformed", "rotation", FIRST_LINE);
  }
  const [origin, size, root, old, successor, end] = lines;
  if (successor === undefined || end !== "" || lines.length !== 6) throw malformed("rotation", "six lines");
  const rotation = {
    origin: readOrigin(origin ?? "", "rotation.origin"),
    tree: { size: decimal(size ?? "", "rotation.size"), root: hashFromBase64(root ?? "", "rotation.root") },
    old: await readKey(old ?? "", "rotation.old"),
    successor: await readKey(successor, "rotation.new"),
    note,
  };
  const isOfLog = rotation.old.name === rotation.origin && rotation.successor.name === rotation.origin;
  if (!isOfLog || isSameKey(rotation.old, rotation.successor)) {
    throw malformed("rotation", "two keys of this log");
  }
  return rotation;
}

/** Verifies both signatures, and that the old key is a trusted one; returns the new one. */
export async function verifyRotation(
  { old, successor, note }: Rotation,
  trusted: readonly VerifierKey[],
): Promise<VerifierKey> {
  if (!trusted.some((key) => isSameKey(key, old))) {
    throw new Refusal("bad_signature", "rotation.old", "a trusted key");
  }
  const signed = await verifyNote(note, [old, successor]);
  for (const key of [old, successor]) {
    if (!signed.includes(key)) throw new Refusal("bad_signature", "signature", "signatures of both keys");
  }
  return successor;
}

/** Follows statements in the order in which they were made, and returns the trusted keys with each successor behind them. */
export async function followRotations(
  trusted: readonly VerifierKey[],
  rotations: readonly Rotation[],
): Promise<VerifierKey[]> {
  const keys = [...trusted];
  for (const [at, rotation] of rotations.entries()) {
    if (at === ROTATIONS_MAX) throw malformed("rotation", `at most ${ROTATIONS_MAX} statements`);
    const successor = await verifyRotation(rotation, keys);
    if (!keys.some((key) => isSameKey(key, successor))) keys.push(successor);
  }
  return keys;
}

/** Leaves out what was stated before the first of these keys: whoever trusts a later key needs nothing of the ones before. */
export function rotationsFrom(
  trusted: readonly VerifierKey[],
  rotations: readonly Rotation[],
): readonly Rotation[] {
  const from = rotations.findIndex(({ old }) => trusted.some((key) => isSameKey(key, old)));
  return from < 0 ? [] : rotations.slice(from);
}

/** Whether two are one key of one name. */
export function isSameKey(one: VerifierKey, other: VerifierKey): boolean {
  return one.name === other.name && equal(one.publicKey, other.publicKey);
}
