// What this browser believes of the ledger, and why: the key that its reader pinned, and the newest signed head that it has
// seen. Both are kept here, not asked of the server, so a server that shows something else is found out.

import { reactive } from "vue";
import {
  canVerify,
  type Checkpoint,
  fingerprint,
  fromHex,
  readCheckpoint,
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

interface Kept {
  /** Lines of a vkey file. */
  keys: string[];
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

export type Alarm =
  | { kind: "unable" }
  | { kind: "changed_key"; offered: KeyShown }
  | { kind: "unreadable_key" }
  | { kind: "bad_signature" }
  | { kind: "contradiction"; reason: string; evidence: string };

export const trust = reactive({
  keys: [] as KeyShown[],
  since: "",
  compared: null as string | null,
  /** The newest head that was verified here. */
  head: null as { size: number; root: string; origin: string; seen: string } | null,
  /** What the present head was found to go on from. */
  grownFrom: null as { size: number; seen: string } | null,
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
  Object.assign(trust, { keys: await shownKeys(kept.keys), since: kept.since, compared: kept.compared });
  trust.alarm = kept.keys.includes(offered) ? null : await changedKey(offered);
  if (trust.alarm === null && head.checkpoint !== null) await observe(head.checkpoint);
  trust.isChecked = true;
}

async function changedKey(offered: string): Promise<Alarm> {
  const [key] = await shownKeys([offered]).catch(() => []);
  return key === undefined ? { kind: "unreadable_key" } : { kind: "changed_key", offered: key };
}

const OPENED = Date.now();
let turn: Promise<void> = Promise.resolve();

/** Checks a signed head against the newest one seen here, and remembers the newer of the two. One after the other. */
export function observe(note: string): Promise<void> {
  turn = turn.catch(() => undefined).then(() => compare(note));
  return turn;
}

async function compare(note: string): Promise<void> {
  const kept = recall();
  if (kept === null) return;
  const keys = await readVerifierKeys(kept.keys.join("\n"));
  const now = await verified(note, keys);
  if (now === null) {
    trust.alarm = { kind: "bad_signature" };
    return;
  }
  const before = kept.head === null ? null : await verified(kept.head.note, keys);
  // Another origin under a key that the reader has accepted is another generation of the log, which begins anew.
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

/** The reader says that the pinned keys are those on paper. */
export function confirmCompared(): void {
  const kept = recall();
  if (kept === null) return;
  keep({ ...kept, compared: new Date().toISOString() });
  trust.compared = new Date().toISOString();
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
