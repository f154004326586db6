/**
 * Generations of a log: a note in which a log that lost entries for good declares the gap, and goes on under another origin.
 * Source: audit/FORMAT.md, "Generations".
 */
import { type Bytes, decimal, equal, fromHex, fromUtf8, hashFromBase64, utf8 } from "./bytes";
import { type Entry, readOrigin, readTime } from "./entry";
import { PATH_MAX, rootOf, type Tree, verifyConsistency } from "./merkle";
import {
  type Checkpoint,
  type Note,
  readCheckpoint,
  readKey,
  readNote,
  type VerifierKey,
  verifyCheckpoint,
  verifySignedBy,
} from "./note";
import { malformed, Refusal } from "./refusal";
import { isSameKey } from "./rotation";

/** How the first line of any version begins. */
export const DECLARATION_BEGINS = "lww-generation@";
const FIRST_LINE = "lww-generation@v1";
const BYTES_MAX = 12_288;
const GENERATIONS_MAX = 64;
const OPENED = "generation.opened/2";
const LOST = "entry.lost/1";
const LABEL = /^[A-Za-z0-9._:-]{1,64}$/;

/** A declaration whose form was read, and that can be true; no signature is verified. */
export interface Declaration {
  /** The new generation. */
  readonly origin: string;
  readonly opened: string;
  /** What survived. */
  readonly kept: Tree;
  /** The greatest head that is known to have been signed. */
  readonly lost: Tree;
  readonly reason: string;
  readonly tenant: string;
  /** The two who ordered it. */
  readonly by: readonly [string, string];
  /** The old generation's key, where it still exists. */
  readonly old?: VerifierKey;
  readonly successor: VerifierKey;
  readonly path: readonly Bytes[];
  /** The last signed checkpoint of the generation before that is at hand. */
  readonly last: Checkpoint;
  readonly note: Note;
}

/** Reads a declaration, and refuses what can't be true whatever the logs say. */
export async function readDeclaration(bytes: Bytes): Promise<Declaration> {
  if (bytes.length > BYTES_MAX) throw malformed("declaration", `at most ${BYTES_MAX} bytes`);
  const note = readNote(bytes);
  const end = note.text.indexOf("\n\n");
  if (end < 0) throw malformed("declaration", "an empty line before the checkpoint");
  const [first = "", ...rest] = note.text.slice(0, end).split("\n");
  if (first !== FIRST_LINE) {
    const later = /^lww-generation@v(0|[1-9][0-9]*)$/.test(first);
    throw new Refusal(later ? "unknown_version" : "malformed", "declaration", FIRST_LINE);
  }
  const lines = new Lines(rest);
  const origin = readOrigin(lines.demand("log "), "declaration.log");
  const opened = readTime(lines.demand("opened "), "declaration.opened");
  const kept = tree(lines.demand("kept "), "declaration.kept");
  const lost = tree(lines.demand("lost "), "declaration.lost");
  const reason = label(lines.demand("reason "), "declaration.reason");
  const [tenant = "", one = "", other = "", ...more] = lines.demand("by ").split(" ");
  if (more.length > 0) throw malformed("declaration.by", "a tenant and two people");
  label(tenant, "declaration.by");
  for (const id of [one, other]) fromHex(id, 16, "declaration.by");
  fromHex(lines.demand("plan "), 32, "declaration.plan");
  const oldLine = lines.next("old ");
  const old = oldLine === undefined ? undefined : await readKey(oldLine, "declaration.old");
  const successor = await readKey(lines.demand("new "), "declaration.new");
  const path = lines.hashes("path ");
  const last = readCheckpoint(utf8(note.text.slice(end + 2)));
  const declared = { origin, opened, kept, lost, reason, tenant, by: [one, other] as const, successor, path };
  const declaration = { ...declared, ...(old && { old }), last, note };
  await demandPossible(declaration);
  return declaration;
}

async function demandPossible(declared: Declaration): Promise<void> {
  const { origin, kept, lost, by, old, successor, path, last } = declared;
  const [before, now] = [split(last.origin), split(origin)];
  if (before.log !== now.log || before.generation + 1 !== now.generation) {
    throw malformed("declaration.log", "the next generation of the same log");
  }
  if (successor.name !== origin || (old !== undefined && old.name !== last.origin)) {
    throw malformed("declaration", "keys of the two generations");
  }
  if (by[0] === by[1]) throw lie("by", "two different people");
  if (lost.size <= kept.size) throw lie("lost", "more entries than survived");
  const contradicts = (tree: Tree) => last.size === tree.size && !equal(last.root, tree.root);
  if (last.size > lost.size || contradicts(lost))
    throw lie("checkpoint", "a tree that is not more than was lost");
  if (contradicts(kept)) throw lie("kept", "the root that was signed");
  if (path.length === 0) return;
  if (last.size <= kept.size)
    throw malformed("declaration.path", "no path to what is not behind what survived");
  try {
    await verifyConsistency(kept, last, path);
  } catch (error) {
    throw error instanceof Refusal ? lie("path", "a path from what survived to what was signed") : error;
  }
}

/** Verifies the signatures, that one of the keys is trusted, and that the old generation had signed the checkpoint. */
export async function verifyDeclaration(
  { origin, old, successor, last, note }: Declaration,
  trusted: readonly VerifierKey[],
): Promise<void> {
  await verifySignedBy(note, [successor], origin);
  if (old !== undefined) await verifySignedBy(note, [old], last.origin);
  const isTrusted = (wanted: VerifierKey) => trusted.some((key) => isSameKey(key, wanted));
  if (!isTrusted(successor) && (old === undefined || !isTrusted(old))) {
    throw new Refusal("bad_signature", "declaration", "a trusted key of one of the two generations");
  }
  const knowsOld = trusted.some(({ name }) => name === last.origin);
  await verifyCheckpoint(last, old !== undefined && !knowsOld ? [old] : trusted);
}

/** Declarations that are believed, of one log, oldest first. */
export class Generations {
  private constructor(readonly all: readonly Declaration[]) {}

  static readonly none = new Generations([]);

  static of(declared: readonly Declaration[]): Generations {
    if (declared.length > GENERATIONS_MAX) {
      throw malformed("declaration", `at most ${GENERATIONS_MAX} declarations`);
    }
    const fresh = declared.filter(
      ({ note }, at) => declared.findIndex((other) => other.note.text === note.text) === at,
    );
    const generation = ({ origin }: Declaration) => split(origin).generation;
    return new Generations(fresh.sort((one, other) => generation(one) - generation(other)));
  }

  /** Verifies declarations that stand under a signature of the newest generation, which vouches for each new key. */
  static async vouched(declared: readonly Declaration[], keys: readonly VerifierKey[]): Promise<Generations> {
    for (const one of declared) await verifyDeclaration(one, [...keys, one.successor]);
    return Generations.of(declared);
  }

  /** The old keys that declarations name. */
  oldKeys(): VerifierKey[] {
    return this.all.flatMap(({ old }) => old ?? []);
  }

  private opening(origin: string): Declaration | undefined {
    return this.all.find((declared) => declared.origin === origin);
  }

  /** The generation that an entry at a place is of, in the tree of `origin`. */
  logAt(origin: string, index: number): string {
    let at = origin;
    for (;;) {
      const declared = this.opening(at);
      if (declared === undefined || index >= declared.kept.size) return at;
      at = declared.last.origin;
    }
  }

  /** The declaration by which an entry of `origin` was lost. */
  lost(origin: string, index: number): Declaration | undefined {
    let at = origin;
    for (;;) {
      const next = this.all.find(({ last }) => last.origin === at);
      if (next === undefined || index >= next.kept.size) return next;
      at = next.origin;
    }
  }

  /** Holds a checkpoint of an earlier generation against what is declared of its end. */
  demandAdmitted(held: Checkpoint): void {
    const next = this.all.find(({ last }) => last.origin === held.origin);
    if (next === undefined) return;
    if (held.size > next.lost.size) throw lie("lost", "as many entries as were signed");
    for (const { size, root } of [next.kept, next.lost, next.last]) {
      if (held.size === size && !equal(held.root, root)) {
        throw new Refusal("fork", "checkpoint", "the root that is declared");
      }
    }
  }

  /** Refuses a log of which not each generation behind the first is declared. */
  demandAll(origin: string): void {
    let at = origin;
    for (let declared = this.opening(at); declared !== undefined; declared = this.opening(at)) {
      at = declared.last.origin;
    }
    if (split(at).generation !== 1) {
      throw new Refusal("false_declaration", "declaration", "a declaration for each later generation");
    }
  }
}

/** Follows a whole log through its generations. */
export class Lineage {
  private at?: string;
  private readonly declared: Declaration[] = [];

  /** The leaves are all of the log's, found to lead to its signed root. */
  constructor(
    private readonly newest: string,
    private readonly leaves: readonly Bytes[],
  ) {}

  /** The generation that the next entry has to be of. */
  log(entry: Entry): string {
    const [log, newest] = [split(entry.log), split(this.newest)];
    if (this.at === undefined) {
      return log.log === newest.log && log.generation < newest.generation ? entry.log : this.newest;
    }
    const at = split(this.at);
    const leads = entry.kind === OPENED && log.log === at.log && log.generation > at.generation;
    return leads ? entry.log : this.at;
  }

  /** Takes in an entry, and holds what it declares against the tree before it. */
  async follow(entry: Entry): Promise<void> {
    if (entry.kind === OPENED) await this.open(entry);
    const gap = this.declared.at(-1);
    const isLost = gap !== undefined && gap.kept.size < entry.seq && entry.seq < gap.lost.size;
    if (isLost && entry.kind !== LOST) throw lie("place of a lost entry", LOST);
    this.at = entry.log;
  }

  private async open(entry: Entry): Promise<void> {
    const note = entry.detail?.get("declaration");
    if (typeof note !== "string") throw malformed("entry.detail.declaration", "a declaration");
    const declared = await readDeclaration(utf8(note));
    const { origin, kept, opened, last } = declared;
    if (origin !== entry.log) throw lie("log", "the entry's");
    if (kept.size !== entry.seq) throw lie("kept", "the entry's place");
    if (opened !== entry.time) throw lie("opened", "the entry's time");
    if (this.at !== last.origin) throw lie("log before", "the generation of the entry before");
    for (const { size, root } of last.size <= kept.size ? [kept, last] : [kept]) {
      if (!equal(await rootOf(this.leaves.slice(0, size)), root))
        throw lie("kept", "the tree before the entry");
    }
    this.declared.push(declared);
  }

  /** Verifies what was declared. */
  async finish(keys: readonly VerifierKey[]): Promise<Generations> {
    const generations = await Generations.vouched(this.declared, keys);
    if (this.at !== undefined) generations.demandAll(this.newest);
    return generations;
  }
}

/** Reads a line of a package's file of declarations: the note as a string. */
export function readDeclarationLine(bytes: Bytes): Promise<Declaration> {
  const text = fromUtf8(bytes, "declaration");
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    note = undefined;
  }
  if (typeof note !== "string") throw malformed("declaration", "a string");
  return readDeclaration(utf8(note));
}

/** Whether what survived is proven by what was signed last: how many entries of it. */
export function provenOf({ kept, last, path }: Declaration): number {
  return last.size > kept.size && path.length === 0 ? 0 : Math.min(last.size, kept.size);
}

class Lines {
  private at = 0;

  constructor(private readonly lines: readonly string[]) {}

  next(word: string): string | undefined {
    const line = this.lines[this.at];
    if (line?.startsWith(word) !== true) return undefined;
    this.at += 1;
    return line.slice(word.length);
  }

  demand(word: string): string {
    const value = this.next(word);
    if (value === undefined) throw malformed("declaration", `a line ${word.trim()}`);
    return value;
  }

  hashes(word: string): Bytes[] {
    const hashes: Bytes[] = [];
    while (this.at < this.lines.length) hashes.push(hashFromBase64(this.demand(word), "declaration.path"));
    if (hashes.length > PATH_MAX) throw malformed("declaration.path", `at most ${PATH_MAX} hashes`);
    return hashes;
  }
}

function tree(text: string, place: string): Tree {
  const [size = "", root = "", more] = text.split(" ");
  if (more !== undefined) throw malformed(place, "a size and a root");
  return { size: decimal(size, place), root: hashFromBase64(root, place) };
}

function label(text: string, place: string): string {
  if (!LABEL.test(text)) throw malformed(place, "a label");
  return text;
}

function split(origin: string): { log: string; generation: number } {
  const at = origin.lastIndexOf("/");
  return { log: origin.slice(0, at), generation: Number(origin.slice(at + 1)) };
}

function lie(part: string, expected: string): Refusal {
  return new Refusal("false_declaration", `declaration.${part}`, expected);
}
