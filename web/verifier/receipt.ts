/**
 * Receipts: one entry, the path to a signed root, and what is opened of it. Source: C2SP tlog-proof, audit/FORMAT.md.
 *
 * `verifyReceipt` is what pages call. It never throws over what it is given: a refusal is a result, with the class that
 * `lww-verify` would name, the place, and what could be computed, so that a reader sees where it breaks.
 */
import {
  type Bytes,
  decimal,
  equal,
  fromBase64,
  fromHex,
  fromUtf8,
  hashFromBase64,
  join,
  utf8,
} from "./bytes";
import { type Entry, Members, readEntry } from "./entry";
import { type Declaration, Generations } from "./generation";
import { readCanonical } from "./json";
import { climb, leafHash, PATH_MAX, type PathStep } from "./merkle";
import {
  type Checkpoint,
  readCheckpoint,
  readVerifierKeys,
  type VerifierKey,
  verifyCheckpoint,
} from "./note";
import { malformed, type Reason, Refusal } from "./refusal";

export const RECEIPT_BYTES_MAX = 1_048_576;
const TEXT_BYTES_MAX = 131_072;
const FIRST_LINE = "c2sp.org/tlog-proof@v1";

export interface Opened {
  readonly of: "masked" | "sealed";
  /** 32 bytes. */
  readonly salt: Bytes;
  readonly text?: string;
}

/** A receipt whose form was read; nothing of it is verified. */
export interface Receipt {
  readonly index: number;
  readonly entry: Bytes;
  readonly opened: readonly Opened[];
  readonly path: readonly Bytes[];
  readonly checkpoint: Checkpoint;
}

/** What was computed from a receipt, whether or not it is valid. */
export interface Findings {
  readonly index: number;
  readonly size: number;
  readonly origin: string;
  readonly entryText: string;
  readonly leaf: Bytes;
  readonly steps: readonly PathStep[];
  /** Where the path leads. */
  readonly root: Bytes;
  /** What the checkpoint states. */
  readonly signedRoot: Bytes;
  readonly pathFits: boolean;
  /** The key that has signed, if its signature is right. */
  readonly signer?: VerifierKey;
}

export type Verdict =
  | {
      readonly ok: true;
      readonly index: number;
      readonly size: number;
      readonly kind: string;
      readonly time: string;
      readonly entry: Entry;
      /** The texts that were opened and are what was recorded. */
      readonly opened: readonly Opened[];
      /** What declares the entry lost, in a later generation of the log. */
      readonly lost?: Declaration;
      readonly findings: Findings & { readonly signer: VerifierKey };
    }
  | { readonly ok: false; readonly reason: Reason; readonly place: string; readonly findings?: Findings };

/** Verifies a receipt with the keys of a vkey file, or with keys that were read. */
export async function verifyReceipt(
  receipt: string | Bytes,
  vkey: string | readonly VerifierKey[],
  generations = Generations.none,
): Promise<Verdict> {
  let findings: Findings | undefined;
  try {
    const keys = typeof vkey === "string" ? await readVerifierKeys(vkey) : vkey;
    const read = readReceipt(typeof receipt === "string" ? utf8(receipt) : receipt);
    findings = await compute(read);
    const signer = await verifyCheckpoint(read.checkpoint, keys);
    const verified = { ...findings, signer };
    findings = verified;
    demandRoot(findings);
    const entry = readEntry(read.entry);
    demandPlace(entry, read, generations);
    for (const opened of read.opened) await demandCommitment(entry, opened);
    const { index, checkpoint, opened } = read;
    generations.demandAdmitted(checkpoint);
    const lost = generations.lost(checkpoint.origin, index);
    return {
      ok: true,
      index,
      size: checkpoint.size,
      kind: entry.kind,
      time: entry.time,
      entry,
      opened,
      ...(lost && { lost }),
      findings: verified,
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, reason: error.reason, place: error.place, ...(findings && { findings }) };
  }
}

/** Reads a receipt's form. */
export function readReceipt(bytes: Bytes): Receipt {
  if (bytes.length > RECEIPT_BYTES_MAX) throw malformed("receipt", `at most ${RECEIPT_BYTES_MAX} bytes`);
  const text = fromUtf8(bytes, "receipt");
  const end = text.indexOf("\n\n");
  if (end < 0) throw malformed("receipt", "an empty line before the checkpoint");
  const [first = "", extraLine = "", indexLine = "", ...hashes] = text.slice(0, end).split("\n");
  if (first !== FIRST_LINE) {
    const later = /^c2sp\.org\/tlog-proof@v(0|[1-9][0-9]*)$/.test(first);
    throw new Refusal(later ? "unknown_version" : "malformed", "first_line", FIRST_LINE);
  }
  if (hashes.length > PATH_MAX) throw malformed("path", `at most ${PATH_MAX} hashes`);
  const extra = fromUtf8(fromBase64(behind("extra ", extraLine, "extra"), "extra"), "extra");
  return {
    ...readExtra(extra),
    index: decimal(behind("index ", indexLine, "index"), "index"),
    path: hashes.map((line) => hashFromBase64(line, "path")),
    checkpoint: readCheckpoint(utf8(text.slice(end + 2))),
  };
}

function behind(prefix: string, line: string, place: string): string {
  if (!line.startsWith(prefix)) throw malformed(place, prefix);
  return line.slice(prefix.length);
}

function readExtra(text: string): { entry: Bytes; opened: Opened[] } {
  const members = new Members(readCanonical(text, "extra", 3), "extra");
  const extra = readEntryAndOpened(members);
  members.demandNoOthers();
  return extra;
}

/** Reads an entry's bytes and what is opened of it, as receipts and lines of evidence packages hold them. */
export function readEntryAndOpened(members: Members): { entry: Bytes; opened: Opened[] } {
  const entry = utf8(members.string("entry"));
  const opened = members.list("opened", readOpened);
  const order = opened.map(({ of }) => of).join();
  if (!["", "masked", "sealed", "masked,sealed"].includes(order)) {
    throw malformed("extra.opened", "masked and sealed at most once, in this order");
  }
  return { entry, opened };
}

function readOpened(members: Members): Opened {
  const of = members.string("of");
  if (of !== "masked" && of !== "sealed") throw malformed("extra.opened", "masked or sealed");
  const salt = hashFromBase64(members.string("salt"), "extra.opened");
  if (!members.has("text")) return { of, salt };
  const text = members.string("text");
  if (utf8(text).length > TEXT_BYTES_MAX) throw malformed("extra.opened", `at most ${TEXT_BYTES_MAX} bytes`);
  return { of, salt, text };
}

async function compute(receipt: Receipt): Promise<Findings> {
  const { checkpoint, entry, index, path } = receipt;
  const leaf = await leafHash(entry);
  const { steps, root, fits } = await climb(leaf, index, checkpoint.size, path);
  return {
    index,
    size: checkpoint.size,
    origin: checkpoint.origin,
    entryText: fromUtf8(entry, "entry"),
    leaf,
    steps,
    root,
    signedRoot: checkpoint.root,
    pathFits: fits,
  };
}

function demandRoot({ pathFits, root, signedRoot }: Findings): void {
  if (!pathFits) throw new Refusal("bad_proof", "path", "as many hashes as index and size ask for");
  if (!equal(root, signedRoot)) throw new Refusal("bad_proof", "root", "a path to the signed root");
}

/** The path says where the leaf is; the entry has to say the same. */
function demandPlace(entry: Entry, { checkpoint, index }: Receipt, generations: Generations): void {
  if (entry.log !== generations.logAt(checkpoint.origin, index)) {
    throw new Refusal("other_log", "entry.log", "the checkpoint's origin, or that of its generation");
  }
  if (entry.seq !== index) throw new Refusal("chain_break", "entry.seq", "the index");
}

/** Demands that an opened text is the one that was recorded. */
export async function demandCommitment(entry: Entry, { of, salt, text }: Opened): Promise<void> {
  const recorded = of === "masked" ? entry.content?.commit_masked : entry.content?.commit_sealed;
  if (recorded === undefined) throw malformed(`opened.${of}`, "an entry with content");
  if (text === undefined) return;
  const made = await commitment(of, salt, text);
  if (!equal(made, fromHex(recorded, 32, "entry.content"))) {
    throw new Refusal("bad_commitment", `opened.${of}`, "the text that was recorded");
  }
}

/** HMAC-SHA256 under the salt over the tag of what it is of, then the text. */
export async function commitment(of: Opened["of"], salt: Bytes, text: string): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", salt, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const tagged = join(utf8(`lww/commit/${of}/1\0`), utf8(text));
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, tagged));
}
