// What this browser believes of the ledger, and why: the key that its reader pinned, the changes of it that the key itself signed,
// and the newest signed head that it has seen. All are kept here, not asked of the server, so a server that shows something else
// is found out.

import { markRaw, reactive } from "vue";
import {
  canVerify,
  type Checkpoint,
  fingerprint,
  fromHex,
  Generations,
  readCheckpoint,
  readDeclaration,
  readVerifierKeys,
  Refusal,
  toBase64,
  toHex,
  utf8,
  type VerifierKey,
  verifyCheckpoint,
  verifyConsistency,
} from "../../../../verifier";
import { session } from "../../session";
import * as api from "./api";
import { type Change, lead } from "./lead";

interface Kept {
  /** Lines of a vkey file, the newest last. */
  keys: string[];
  /** How the log's key changed since one was pinned; each was signed by a key that was trusted before. */
  changes?: (Change & { compared: string | null })[];
  since: string;
  /** When the reader said that they compared the key with what they hold on paper. */
  compared: string | null;
  head: { note: string; seen: string } | null;
}

export interface KeyShown {
  name: string;
  id: string;
  fingerprint: string;
  line: string;
}

/** A key that is trusted, and why. */
export interface KeyTrusted extends KeyShown {
  /** When the reader said that it is the one on paper. */
  compared: string | null;
  /** The entry that names it, signed by the key before it; nothing for a key that the reader pinned. */
  from: { index: number; id: string } | null;
  /** The entry that names its successor. */
  until: number | null;
}

export type Alarm =
  | { kind: "unable" }
  | { kind: "changed_key"; offered: KeyShown }
  | { kind: "unreadable_key" }
  | { kind: "bad_signature" }
  | { kind: "contradiction"; reason: string; evidence: string };

export const trust = reactive({
  keys: [] as KeyTrusted[],
  since: "",
  /** The newest head that was verified here. */
  head: null as { size: number; root: string; origin: string; seen: string } | null,
  /** What the present head was found to go on from. */
  grownFrom: null as { size: number; seen: string } | null,
  /** What the log declares of its gaps, as the trusted keys vouch for it. */
  generations: markRaw(Generations.none),
  alarm: null as Alarm | null,
  isChecked: false,
});

const storeName = () => `lww.ledger.${session.info?.tenant ?? ""}`;

function recall(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(storeName()) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

function keep(kept: Kept): void {
  localStorage.setItem(storeName(), JSON.stringify(kept));
}

/** The keys that are trusted, as a vkey file. */
export function trustedKeys(): string {
  return (recall()?.keys ?? []).join("\n");
}

async function trusted({ keys, compared, changes = [] }: Kept): Promise<KeyTrusted[]> {
  const shown = await shownKeys(keys);
  return shown.map((key) => {
    const change = changes.find(({ successor }) => successor === key.line);
    const before = shown.find(({ line }) => line === change?.old);
    return {
      ...key,
      compared: change === undefined ? compared : change.compared,
      from: change === undefined ? null : { index: change.index, id: before?.id ?? "" },
      until: changes.find(({ old }) => old === key.line)?.index ?? null,
    };
  });
}

async function shown(key: VerifierKey, line: string): Promise<KeyShown> {
  return { name: key.name, id: toHex(key.id), fingerprint: toHex(await fingerprint(key)), line };
}

async function shownKeys(lines: readonly string[]): Promise<KeyShown[]> {
  const keys = await readVerifierKeys(lines.join("\n"));
  return Promise.all(keys.map((key, at) => shown(key, lines[at] ?? "")));
}

/** Asks for the head and checks it: key, signature, and that the log goes on from what was seen before. */
export async function checkHead(): Promise<void> {
  if (!(await canVerify())) {
    Object.assign(trust, { alarm: { kind: "unable" }, isChecked: true });
    return;
  }
  const head = await api.head();
  const offered = head.vkey.trim();
  let kept = recall();
  if (kept === null) {
    // The first visit takes the key that is offered; until it was compared with paper, the page says so.
    kept = { keys: [offered], since: new Date().toISOString(), compared: null, head: null };
    await shownKeys(kept.keys);
    keep(kept);
  }
  if (!kept.keys.includes(offered)) kept = await led(kept, offered);
  Object.assign(trust, { keys: await trusted(kept), since: kept.since });
  trust.alarm = kept.keys.includes(offered) ? null : await changedKey(offered);
  // An older key may be in other hands by now: of a new head it says nothing that counts.
  if (trust.alarm === null && head.checkpoint !== null) {
    await learnGaps(head.checkpoint);
    await observe(head.checkpoint, offered);
  }
  trust.isChecked = true;
}

/** Asks what a log of a later generation declares; what does not hold is as if nothing were declared, which is found out. */
async function learnGaps(note: string): Promise<void> {
  if (/^[^\n]*\/1\n/.test(note)) return;
  try {
    const { generations } = await api.keys();
    const declared = await Promise.all(generations.map((one) => readDeclaration(utf8(one))));
    const keys = await readVerifierKeys(trustedKeys());
    trust.generations = markRaw(await Generations.vouched(declared, keys));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    trust.generations = markRaw(Generations.none);
  }
}

/** Takes the offered key, too, if the trusted ones lead to it: whoever trusts them needs nobody's word for their successor. */
async function led(kept: Kept, offered: string): Promise<Kept> {
  const { rotations, generations } = await api.keys();
  const found = await lead(kept.keys, kept.changes ?? [], rotations, offered, generations);
  if (found === null) return kept;
  const now: Kept = {
    ...kept,
    keys: [...kept.keys, ...found.map(({ successor }) => successor)],
    changes: [...(kept.changes ?? []), ...found.map((change) => ({ ...change, compared: null }))],
  };
  keep(now);
  return now;
}

async function changedKey(offered: string): Promise<Alarm> {
  const [key] = await shownKeys([offered]).catch(() => []);
  return key === undefined ? { kind: "unreadable_key" } : { kind: "changed_key", offered: key };
}

const OPENED = Date.now();
let turn: Promise<void> = Promise.resolve();

/**
 * Checks a signed head against the newest one seen here, and remembers the newer of the two. One after the other. It must be
 * signed by a trusted key, or by that one of them.
 */
export function observe(note: string, by?: string): Promise<void> {
  turn = turn.catch(() => undefined).then(() => compare(note, by));
  return turn;
}

async function compare(note: string, by?: string): Promise<void> {
  const kept = recall();
  if (kept === null) return;
  const keys = await readVerifierKeys(kept.keys.join("\n"));
  const now = await verified(note, by === undefined ? keys : await readVerifierKeys(by));
  if (now === null) {
    trust.alarm = { kind: "bad_signature" };
    return;
  }
  const before = kept.head === null ? null : await verified(kept.head.note, keys);
  // Another origin under a key that is trusted is another generation of the log: what was seen before is held against its gap.
  if (before !== null && kept.head !== null && before.origin !== now.origin) {
    const refusal = ended(before, now);
    if (refusal !== null) {
      const evidence = evidenceOf({ reason: refusal.reason, path: [] }, kept.head.note, note);
      trust.alarm = { kind: "contradiction", reason: refusal.reason, evidence };
      return;
    }
  }
  if (before !== null && kept.head !== null && before.origin === now.origin) {
    const [older, newer] = before.size <= now.size ? [before, now] : [now, before];
    const refusal = await contradiction(older, newer);
    if (refusal !== null) {
      const evidence = evidenceOf(refusal, kept.head.note, note);
      trust.alarm = { kind: "contradiction", reason: refusal.reason, evidence };
      return;
    }
    // Only what was seen before this page was opened says something that its reader doesn't see anyway.
    if (older === before && Date.parse(kept.head.seen) < OPENED)
      trust.grownFrom = { size: before.size, seen: kept.head.seen };
  }
  const isNewer = before === null || before.origin !== now.origin || now.size >= before.size;
  const head = isNewer || kept.head === null ? { note, seen: new Date().toISOString() } : kept.head;
  keep({ ...kept, head });
  const newest = isNewer || before === null ? now : before;
  trust.head = { size: newest.size, root: toHex(newest.root), origin: newest.origin, seen: head.seen };
}

/** Whether the log of a head that was seen before ended as a later generation declares. */
function ended(before: Checkpoint, now: Checkpoint): Refusal | null {
  // An older head may be asked for again; then the newer one was judged already.
  const [older, newer] = generationOf(before) <= generationOf(now) ? [before, now] : [now, before];
  try {
    trust.generations.demandAll(newer.origin);
    trust.generations.demandAdmitted(older);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function generationOf({ origin }: Checkpoint): number {
  return Number(origin.slice(origin.lastIndexOf("/") + 1));
}

async function verified(note: string, keys: readonly VerifierKey[]): Promise<Checkpoint | null> {
  try {
    const checkpoint = readCheckpoint(utf8(note));
    await verifyCheckpoint(checkpoint, keys);
    return checkpoint;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

interface Contradiction {
  reason: string;
  path: string[];
}

/** Asks for the proof that one is the other's beginning. */
async function contradiction(older: Checkpoint, newer: Checkpoint): Promise<Contradiction | null> {
  const isProofNeeded = older.size > 0 && older.size < newer.size;
  const path = isProofNeeded ? (await api.consistency(older.size, newer.size)).path : [];
  try {
    await verifyConsistency(
      older,
      newer,
      path.map((hash) => fromHex(hash, 32, "path")),
    );
    return null;
  } catch (error) {
    if (error instanceof Refusal) return { reason: error.reason, path };
    throw error;
  }
}

/** Both signed notes and the proof in one file (audit/FORMAT.md, "Evidence"). */
function evidenceOf({ reason, path }: Contradiction, older: string, newer: string): string {
  const proof = path.filter((hash) => /^[0-9a-f]{64}$/.test(hash));
  const lines = proof.map((hash) => `${toBase64(fromHex(hash, 32, "path"))}\n`).join("");
  return (
    `lww-evidence@v1\n${reason}\n\n--- older signed checkpoint\n${older}` +
    `\n--- newer signed checkpoint\n${newer}\n--- consistency proof\n${lines}`
  );
}

/** The reader says that a key is the one on paper, and with it the others that they pinned. */
export async function confirmCompared({ line, from }: KeyTrusted): Promise<void> {
  const kept = recall();
  if (kept === null) return;
  const now = new Date().toISOString();
  const changes = (kept.changes ?? []).map((change) =>
    change.successor === line ? { ...change, compared: now } : change,
  );
  const confirmed: Kept = { ...kept, changes, ...(from === null ? { compared: now } : {}) };
  keep(confirmed);
  trust.keys = await trusted(confirmed);
}

/** Pins what the reader holds in place of whatever was pinned. Refuses what is no vkey file. */
export async function pin(text: string): Promise<void> {
  const lines = text.split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "");
  await shownKeys(keys);
  const now = new Date().toISOString();
  keep({ keys, since: now, compared: now, head: null });
  trust.grownFrom = null;
  trust.head = null;
  await checkHead();
}

/** Adds a key that replaces another, after the reader has made sure of it; heads seen under the old one stay comparable. */
export async function accept(line: string): Promise<void> {
  const kept = recall();
  if (kept === null) return;
  keep({ ...kept, keys: [...kept.keys, line], compared: new Date().toISOString() });
  await checkHead();
}
