/** Makes logs and receipts for tests, by the recursive definitions of RFC 6962, with a key of its own. */
import { join } from "../bytes";
import { type Bytes, leafHash, toBase64, toHex, utf8 } from "../index";
import { rootOf } from "../merkle";

export interface Maker {
  readonly vkey: string;
  sign(text: string): Promise<string>;
}

/** A log's key that names its successor over a tree of nine leaves, or over those of a log. */
export async function statementOf(
  old: Maker,
  successor: Maker,
  origin = "lww.example/acme/1",
  leaves: readonly Bytes[] = NINE,
): Promise<string> {
  const text =
    `lww-key-rotation@v1\n${origin}\n${leaves.length}\n${toBase64(await rootOf(leaves))}\n` +
    `${old.vkey}\n${successor.vkey}\n`;
  return both(await old.sign(text), await successor.sign(text));
}

const NINE = Array.from({ length: 9 }, (_, at) => new Uint8Array(32).fill(at));

/** One note of two that say the same. */
export function both(one: string, other: string): string {
  return one + other.slice(other.lastIndexOf("\n\n") + 2);
}

/** A log's key, new each time. */
export async function maker(origin: string): Promise<Maker> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const typed = join(Uint8Array.of(1), new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const id = new Uint8Array(await crypto.subtle.digest("SHA-256", join(utf8(`${origin}\n`), typed))).slice(
    0,
    4,
  );
  return {
    vkey: `${origin}+${toHex(id)}+${toBase64(typed)}`,
    async sign(text) {
      const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, utf8(text)));
      return `${text}\n— ${origin} ${toBase64(join(id, signature))}\n`;
    },
  };
}

/** Signs the tree of these leaves. */
export async function checkpointOf(key: Maker, origin: string, leaves: readonly Bytes[]): Promise<string> {
  return key.sign(`${origin}\n${leaves.length}\n${toBase64(await rootOf(leaves))}\n`);
}

/** A receipt of one of these entries, whatever they are. */
export async function receiptOf(
  key: Maker,
  origin: string,
  entries: readonly string[],
  index: number,
): Promise<string> {
  const leaves = await Promise.all(entries.map((entry) => leafHash(utf8(entry))));
  // JSON.stringify writes strings as RFC 8785 does, which is where that took it from.
  const extra = `{"entry":${JSON.stringify(entries[index])},"opened":[]}`;
  const path = (await pathOf(leaves, index)).map((hash) => `${toBase64(hash)}\n`).join("");
  const checkpoint = await checkpointOf(key, origin, leaves);
  return `c2sp.org/tlog-proof@v1\nextra ${toBase64(utf8(extra))}\nindex ${index}\n${path}\n${checkpoint}`;
}

/** The inclusion path, RFC 6962 section 2.1.1. */
export async function pathOf(leaves: readonly Bytes[], index: number): Promise<Bytes[]> {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...(await pathOf(left, index)), await rootOf(right)]
    : [...(await pathOf(right, index - split)), await rootOf(left)];
}

/** The consistency path from the first `older` leaves to all, RFC 6962 section 2.1.2. */
export async function consistencyOf(older: number, leaves: readonly Bytes[], whole = true): Promise<Bytes[]> {
  if (older === leaves.length) return whole ? [] : [await rootOf(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return older <= split
    ? [...(await consistencyOf(older, left, whole)), await rootOf(right)]
    : [...(await consistencyOf(older - split, right, false)), await rootOf(left)];
}

function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** What an entry says instead of a message: its kind, and its detail in canonical form. */
export interface Saying {
  readonly kind: string;
  readonly detail: string;
  /** Whose it is; `null`: nobody's. Conversation and subject of person 0 if nothing is said. */
  readonly person?: number | null;
}

/** Entries that link to one another as a log's do. `say` is told the leaves before. */
export async function entriesOf(
  origin: string,
  count: number,
  say: (seq: number, leaves: readonly Bytes[]) => Promise<Saying | undefined> = async () => undefined,
): Promise<string[]> {
  const entries: string[] = [];
  const leaves: Bytes[] = [];
  const ends = new Map<number, { n: number; leaf: string; seq: number }>();
  let prev = "0".repeat(64);
  for (let seq = 0; seq < count; seq += 1) {
    const said = await say(seq, leaves);
    const person = said?.person === undefined ? 0 : said.person;
    const end = person === null ? undefined : ends.get(person);
    const n = end === undefined ? 0 : end.n + 1;
    const before = end === undefined ? "null" : `{"leaf":"${end.leaf}","seq":${end.seq}}`;
    const link = (of: string) => `{"n":${n},"of":"${of}","prev":${before}}`;
    const member = (name: string, text: string) => (person === null ? "" : `"${name}":${text},`);
    const id = (of: string) => `"${personId(of, person ?? 0)}"`;
    const detail = said?.detail ?? `{"n":${seq},"words":["卡","\\u0001\\"\\\\/\u007f\u2028😀"]}`;
    const entry =
      `{"actor":{"id":"${"0a".repeat(16)}","role":"agent"},` +
      `${member("chains", `[${link("conversation")},${link("subject")}]`)}${member("conversation", id("0c"))}"detail":${detail},` +
      `"kind":"${said?.kind ?? "message.sent/1"}","log":"${origin}","prev":"${prev}","seq":${seq},${member("subject", id("05"))}` +
      `"tenant":"acme","time":"2026-01-05T01:00:${`${seq % 60}`.padStart(2, "0")}.000000Z","v":1}`;
    entries.push(entry);
    leaves.push(await leafHash(utf8(entry)));
    prev = toHex(leaves[seq] ?? new Uint8Array());
    if (person !== null) ends.set(person, { n, leaf: prev, seq });
  }
  return entries;
}

/** A person's conversation (`0c`) or subject (`05`). */
export function personId(of: string, person: number): string {
  return person === 0 ? of.repeat(16) : `${of}${`${person}`.padStart(2, "0").repeat(15)}`;
}
