/**
 * Whom an auditor believes: keys of logs, statements in which these keys name their successors, and a policy of witnesses of whom
 * enough must have cosigned. Source: C2SP tlog-policy and tlog-cosignature (Ed25519), audit/FORMAT.md, "Witnesses and policies"
 * and "Keys that change".
 */
import { decimal, utf8 } from "./bytes";
import { verifyEd25519 } from "./ed25519";
import {
  type Declaration,
  DECLARATION_BEGINS,
  Generations,
  readDeclaration,
  verifyDeclaration,
} from "./generation";
import {
  type Checkpoint,
  COSIGNER,
  type NoteSignature,
  readKey,
  readVerifierKeys,
  signedByKey,
  type VerifierKey,
} from "./note";
import { malformed, Refusal } from "./refusal";
import { followRotations, isSameKey, readRotation, type Rotation, STATEMENT_BEGINS } from "./rotation";

const POLICY_BYTES_MAX = 65_536;
const ITEMS_MAX = 64;

interface Witness {
  readonly name: string;
  readonly key: VerifierKey;
}

/** So many of these witnesses and groups, by their names. */
interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

/** Keys of logs and, where a policy was given, witnesses of whom `quorum` names enough. */
export interface Trust {
  /** Those that were given, then those that the statements lead to. */
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly Witness[];
  readonly groups: readonly Group[];
  readonly quorum: string;
  /** Those of the logs' keys that statements lead to, and the statements in the order of the trees that they name. */
  readonly successors: readonly VerifierKey[];
  readonly rotations: readonly Rotation[];
  /** What later generations of logs declare of their gaps. */
  readonly generations: Generations;
}

const NOTHING_FOLLOWS = { successors: [], rotations: [], generations: Generations.none };

/** A witness that has cosigned, with its newest time in POSIX seconds. */
export interface Cosigned {
  readonly name: string;
  readonly time: bigint;
}

/**
 * Reads lines of a vkey file, of a policy, or of both, and statements of a key's change among them, whichever comes first. Empty
 * lines and those that begin with `#` say nothing.
 */
export async function readTrust(text: string): Promise<Trust> {
  const { lines, statements, declarations } = divided(text);
  const trust = await readKeys(lines);
  const read = await Promise.all(
    statements.map((statement) => inStatement(() => readRotation(utf8(statement)))),
  );
  // People paste and drop them as they find them; each tree is one that the key before had signed.
  const rotations = read.sort((one, other) => one.tree.size - other.tree.size);
  const declared = await Promise.all(
    declarations.map((text) => inStatement(() => readDeclaration(utf8(text)))),
  );
  const generations = Generations.of(declared);
  const logs = await inStatement(() => follow(trust.logs, rotations, generations.all));
  return { ...trust, logs, successors: logs.slice(trust.logs.length), rotations, generations };
}

/** Follows declarations, and within each generation the changes of its key, which come before the next. */
async function follow(
  trusted: readonly VerifierKey[],
  rotations: readonly Rotation[],
  declared: readonly Declaration[],
): Promise<VerifierKey[]> {
  let keys = [...trusted];
  const within = (origin: string) => rotations.filter((rotation) => rotation.origin === origin);
  for (const declaration of declared) {
    keys = await followRotations(keys, within(declaration.last.origin));
    await verifyDeclaration(declaration, keys);
    if (!keys.some((key) => isSameKey(key, declaration.successor))) keys.push(declaration.successor);
  }
  const before = new Set(declared.map(({ last }) => last.origin));
  return followRotations(
    keys,
    rotations.filter(({ origin }) => !before.has(origin)),
  );
}

/**
 * Takes statements and declarations out of a text: each begins with its first line, and ends with its last signature. A declaration
 * holds a signed checkpoint, so that its own signatures are the second ones.
 */
function divided(text: string): { lines: string; statements: string[]; declarations: string[] } {
  const lines: string[] = [];
  const [statements, declarations]: [string[][], string[][]] = [[], []];
  let open: string[] | undefined;
  let signed = 0;
  for (const line of text.split("\n")) {
    const isSignature = line.startsWith("— ");
    if (line.startsWith(STATEMENT_BEGINS)) [open, signed] = [begin(statements), 1];
    else if (line.startsWith(DECLARATION_BEGINS)) [open, signed] = [begin(declarations), 2];
    else if (!isSignature && open?.at(-1)?.startsWith("— ")) {
      signed -= 1;
      if (signed === 0) open = undefined;
    }
    (open ?? lines).push(line);
  }
  const whole = (found: string[][]) => found.map((lines) => `${lines.join("\n")}\n`);
  return { lines: lines.join("\n"), statements: whole(statements), declarations: whole(declarations) };
}

function begin(list: string[][]): string[] {
  const lines: string[] = [];
  list.push(lines);
  return lines;
}

/** Names the statement as the place of what is refused in it. */
async function inStatement<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(error.reason, "statement", error.expected) : error;
  }
}

async function readKeys(text: string): Promise<Trust> {
  if (utf8(text).length > POLICY_BYTES_MAX) throw malformed("policy", `at most ${POLICY_BYTES_MAX} bytes`);
  const lines = text
    .split("\n")
    .map((line) => line.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((line) => line !== "" && !line.startsWith("#"));
  // A key has no blanks, and a policy's line has at least one.
  const rules = lines.filter((line) => /[ \t]/.test(line));
  const keys = lines.filter((line) => !/[ \t]/.test(line));
  if (rules.length === 0) {
    const logs = await readVerifierKeys(keys.join("\n"));
    return { logs, witnesses: [], groups: [], quorum: "none", ...NOTHING_FOLLOWS };
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) throw malformed("policy", "no control characters");
  const logs = keys.length === 0 ? [] : await readVerifierKeys(keys.join("\n"));
  const reader = new Reader(logs);
  for (const line of rules) await reader.line(line.split(/[ \t]+/));
  return reader.finish();
}

class Reader {
  private readonly listed: VerifierKey[] = [];
  private readonly witnesses: Witness[] = [];
  private readonly groups: Group[] = [];
  private readonly taken = new Set<string>();
  private quorum?: string;

  constructor(private readonly logs: readonly VerifierKey[]) {}

  async line([word = "", first = "", second, ...rest]: readonly string[]): Promise<void> {
    if (word === "log" && rest.length === 0) {
      add(this.listed, await this.key(first, undefined, this.listed));
    } else if (word === "witness" && second !== undefined && rest.length <= 1) {
      const keys = this.witnesses.map(({ key }) => key);
      const key = await this.key(second, COSIGNER, keys);
      add(this.witnesses, { name: this.fresh(first), key });
    } else if (word === "group" && second !== undefined) {
      const threshold = second === "any" ? 1 : second === "all" ? rest.length : decimal(second, "policy");
      if (threshold === 0 || threshold > rest.length)
        throw malformed("policy", "a group that can be content");
      for (const member of rest) this.take(member);
      add(this.groups, { name: this.fresh(first), threshold, members: rest });
    } else if (word === "quorum" && second === undefined && this.quorum === undefined) {
      if (first !== "none" && !this.knows(first)) throw malformed("policy", "a quorum that is defined");
      this.quorum = first;
    } else {
      throw malformed("policy", "log, witness, group or one quorum");
    }
  }

  finish(): Trust {
    if (this.quorum === undefined) throw malformed("policy", "a quorum");
    const { witnesses, groups, quorum } = this;
    return { logs: [...this.listed, ...this.logs], witnesses, groups, quorum, ...NOTHING_FOLLOWS };
  }

  private async key(
    text: string,
    type: number | undefined,
    others: readonly VerifierKey[],
  ): Promise<VerifierKey> {
    const key = await readKey(text, "policy", type);
    const twice = others.some((other) => other.publicKey.join() === key.publicKey.join());
    if (twice) throw malformed("policy", "each key once");
    return key;
  }

  private knows(name: string): boolean {
    return [...this.witnesses, ...this.groups].some((known) => known.name === name);
  }

  private fresh(name: string): string {
    if (name === "none" || this.knows(name)) throw malformed("policy", "each name once");
    return name;
  }

  /** What is a member of two groups would count twice. */
  private take(member: string): void {
    if (!this.knows(member) || this.taken.has(member))
      throw malformed("policy", "each member defined, and once");
    this.taken.add(member);
  }
}

function add<T>(list: T[], item: T): void {
  if (list.length === ITEMS_MAX) throw malformed("policy", `at most ${ITEMS_MAX} of a kind`);
  list.push(item);
}

/** Verifies that enough of the witnesses have cosigned a checkpoint, and says which. */
export async function verifyQuorum({ note }: Checkpoint, trust: Trust): Promise<Cosigned[]> {
  const cosigned: Cosigned[] = [];
  for (const { name, key } of trust.witnesses) {
    let newest: bigint | undefined;
    for (const line of note.signatures.filter((line) => signedByKey(line, key))) {
      const time = await verifyCosignature(key, line, note.text);
      newest = newest === undefined || time > newest ? time : newest;
    }
    if (newest !== undefined) cosigned.push({ name, time: newest });
  }
  // A group stands behind its members, so that one look from first to last knows them all.
  const content = new Set(cosigned.map(({ name }) => name));
  for (const { name, threshold, members } of trust.groups) {
    if (members.filter((member) => content.has(member)).length >= threshold) content.add(name);
  }
  if (trust.quorum !== "none" && !content.has(trust.quorum)) {
    throw new Refusal("no_quorum", "quorum", "enough witnesses of the policy");
  }
  return cosigned;
}

async function verifyCosignature(key: VerifierKey, line: NoteSignature, text: string): Promise<bigint> {
  const wrong = new Refusal("bad_signature", "cosignature", "a right cosignature of the trusted witness");
  if (line.signature.length !== 72) throw wrong;
  const time = new DataView(line.signature.buffer, line.signature.byteOffset).getBigUint64(0);
  const message = utf8(`cosignature/v1\ntime ${time}\n${text}`);
  const right = await verifyEd25519(key.publicKey, line.signature.slice(8), message);
  if (!right || time >= 1n << 63n) throw wrong;
  return time;
}
