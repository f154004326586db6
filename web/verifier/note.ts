/** Signed notes, verifier keys and checkpoints. Source: C2SP signed-note and tlog-checkpoint, audit/FORMAT.md. */
import {
  type Bytes,
  decimal,
  equal,
  fromBase64,
  fromHex,
  fromUtf8,
  hashFromBase64,
  join,
  sha256,
  toBase64,
  toHex,
  utf8,
} from "./bytes";
import { verifyEd25519 } from "./ed25519";
import { readOrigin } from "./entry";
import type { Tree } from "./merkle";
import { malformed, Refusal } from "./refusal";

export const NOTE_BYTES_MAX = 131_072;
const SIGNATURES_MAX = 64;
const KEY_NAME_BYTES_MAX = 255;
const ED25519 = 1;
/** The type of keys of witnesses: Ed25519, over what a cosignature says. */
export const COSIGNER = 4;

/** A key that is trusted, as a vkey file names it. */
export interface VerifierKey {
  readonly name: string;
  /** 4 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly publicKey: Bytes;
}

export interface NoteSignature {
  readonly name: string;
  readonly id: Bytes;
  readonly signature: Bytes;
}

export interface Note {
  /** What is signed, its last line break included. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A checkpoint and the note that states it. */
export interface Checkpoint extends Tree {
  readonly origin: string;
  readonly note: Note;
}

/** Reads a vkey file: one key a line, at least one. */
export async function readVerifierKeys(text: string): Promise<VerifierKey[]> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) throw malformed("vkey", "a key");
  return Promise.all(lines.map((line) => readKey(line.trim(), "vkey")));
}

/** Reads one key: of a log, unless another type is asked for. */
export async function readKey(line: string, place: string, type = ED25519): Promise<VerifierKey> {
  const [, name, idText, keyText] = /^([^+]*)\+([^+]*)\+(.*)$/.exec(line) ?? [];
  if (name === undefined || idText === undefined || keyText === undefined) {
    throw malformed(place, "<name>+<key id>+<key>");
  }
  demandKeyName(name, place);
  const id = fromHex(idText, 4, place);
  const typed = fromBase64(keyText, place);
  if (typed.length !== 33 || typed[0] !== type) throw malformed(place, "an Ed25519 key of this type");
  const publicKey = typed.slice(1);
  const expected = (await sha256(utf8(`${name}\n`), typed)).slice(0, 4);
  if (!equal(id, expected)) throw malformed(place, "the id of this name and key");
  return { name, id, publicKey };
}

/** A key of a log as a vkey file names it. */
export function writeKey({ name, id, publicKey }: VerifierKey): string {
  return `${name}+${toHex(id)}+${toBase64(join(Uint8Array.of(ED25519), publicKey))}`;
}

function demandKeyName(name: string, place: string): void {
  const bytes = utf8(name).length;
  if (bytes === 0 || bytes > KEY_NAME_BYTES_MAX || /[\p{White_Space}\p{Cc}+]/u.test(name)) {
    throw malformed(place, "a key name of 1 to 255 bytes without spaces, control characters and plus signs");
  }
}

/** Reads a note's form; says nothing about its signatures. */
export function readNote(bytes: Bytes): Note {
  if (bytes.length > NOTE_BYTES_MAX) throw malformed("note", `at most ${NOTE_BYTES_MAX} bytes`);
  const whole = fromUtf8(bytes, "note");
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0009\u000b-\u001f]/.test(whole)) throw malformed("note", "no control characters");
  const end = whole.lastIndexOf("\n\n");
  if (end < 0 || !whole.endsWith("\n")) throw malformed("note", "a text, an empty line, signatures");
  const lines = whole.slice(end + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) throw malformed("note", `at most ${SIGNATURES_MAX} signatures`);
  return { text: whole.slice(0, end + 1), signatures: lines.map(readSignature) };
}

function readSignature(line: string): NoteSignature {
  const [, name, base64] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  if (name === undefined || base64 === undefined) throw malformed("signature", "— <key name> <base64>");
  demandKeyName(name, "signature");
  const bytes = fromBase64(base64, "signature");
  if (bytes.length <= 4) throw malformed("signature", "a key id and a signature");
  return { name, id: bytes.slice(0, 4), signature: bytes.slice(4) };
}

/** Whether a line says that it is this key's. */
export function signedByKey(line: NoteSignature, key: VerifierKey): boolean {
  return key.name === line.name && equal(key.id, line.id);
}

/**
 * Verifies the lines of trusted keys and returns the keys that have signed. Lines of others are ignored; one wrong line
 * of a trusted key spoils the note.
 */
export async function verifyNote(note: Note, keys: readonly VerifierKey[]): Promise<VerifierKey[]> {
  const signed: VerifierKey[] = [];
  for (const line of note.signatures) {
    const key = keys.find((trusted) => signedByKey(line, trusted));
    if (key === undefined) continue;
    if (!(await verifyEd25519(key.publicKey, line.signature, utf8(note.text)))) {
      throw new Refusal("bad_signature", "signature", "a right signature of the trusted key");
    }
    signed.push(key);
  }
  return signed;
}

/** Reads a checkpoint's form: origin, size and root, and no extension lines. */
export function readCheckpoint(bytes: Bytes): Checkpoint {
  const note = readNote(bytes);
  const [origin, size, root, end, ...more] = note.text.split("\n");
  if (origin === undefined || size === undefined || root === undefined || end !== "" || more.length > 0) {
    throw malformed("checkpoint", "three lines");
  }
  return {
    origin: readOrigin(origin, "checkpoint.origin"),
    size: decimal(size, "checkpoint.size"),
    root: hashFromBase64(root, "checkpoint.root"),
    note,
  };
}

/** Verifies that a trusted key whose name is the origin has signed, and returns it. */
export function verifyCheckpoint(checkpoint: Checkpoint, keys: readonly VerifierKey[]): Promise<VerifierKey> {
  return verifySignedBy(checkpoint.note, keys, checkpoint.origin);
}

/** Verifies that a trusted key of this name, a log's, has signed a note, and returns it. */
export async function verifySignedBy(
  note: Note,
  keys: readonly VerifierKey[],
  name: string,
): Promise<VerifierKey> {
  const own = (await verifyNote(note, keys)).find((key) => key.name === name);
  if (own === undefined)
    throw new Refusal("bad_signature", "signature", "a trusted key named like the origin");
  return own;
}

/** Fingerprint of a key for people to compare: SHA-256 over name, line break, type and key, of which the id is the start. */
export function fingerprint(key: VerifierKey): Promise<Bytes> {
  return sha256(join(utf8(`${key.name}\n`), Uint8Array.of(ED25519), key.publicKey));
}
