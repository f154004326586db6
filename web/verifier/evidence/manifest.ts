/** The manifest: what a package is of, and the digest of each of its files. Source: audit/FORMAT.md, "Evidence packages". */
import { type Bytes, decimal, fromHex } from "../bytes";
import { type ChainOf, readOrigin, readTime } from "../entry";
import { malformed, Refusal } from "../refusal";
import { FILES_MAX } from "./source";

const FIRST_LINE = "lww-evidence-package@v1";
const SCOPES_MAX = 256;
const ALWAYS = ["checkpoint", "context.jsonl", "entries.jsonl"];

/** What was asked for: all entries of a chain, or of a time, which ends before `to`. */
export type Scope =
  | { readonly of: ChainOf; readonly id: string }
  | { readonly of: "range"; readonly from: string; readonly to: string };

export interface ListedFile {
  readonly name: string;
  readonly bytes: number;
  readonly digest: Bytes;
}

export interface Manifest {
  readonly log: string;
  readonly made: string;
  readonly scopes: readonly Scope[];
  /** All other files, sorted by name. */
  readonly files: readonly ListedFile[];
}

/** The digest in the name of a policy's file. */
export function policyOf(name: string): string | undefined {
  return /^policies\/([0-9a-f]{64})\.json$/.exec(name)?.[1];
}

/** Reads the text of the note. */
export function readManifest(text: string): Manifest {
  const [first = "", log = "", made = "", ...rest] = text.split("\n");
  if (first !== FIRST_LINE) {
    const later = /^lww-evidence-package@v[0-9]{1,15}$/.test(first);
    throw new Refusal(later ? "unknown_version" : "malformed", "first_line", FIRST_LINE);
  }
  if (rest.pop() !== "") throw malformed("manifest", "a line break at the end");
  const files = rest.findIndex((line) => line.startsWith("file "));
  const scopes = files < 0 ? rest : rest.slice(0, files);
  const manifest = {
    log: readOrigin(behind("log ", log), "log"),
    made: readTime(behind("made ", made), "made"),
    scopes: scopes.map((line) => readScope(behind("scope ", line))),
    files: files < 0 ? [] : rest.slice(files).map((line) => readFile(behind("file ", line))),
  };
  demandWhole(manifest, new Set(scopes).size);
  return manifest;
}

function behind(prefix: string, line: string): string {
  if (!line.startsWith(prefix)) throw malformed(prefix.trim(), "a line of the prescribed order");
  return line.slice(prefix.length);
}

function readScope(text: string): Scope {
  const [of, first = "", second, more] = text.split(" ");
  if ((of === "conversation" || of === "subject") && second === undefined) {
    fromHex(first, 16, "scope");
    return { of, id: first };
  }
  if (of !== "range" || second === undefined || more !== undefined) {
    throw malformed("scope", "conversation <id>, subject <id> or range <from> <to>");
  }
  const [from, to] = [readTime(first, "scope"), readTime(second, "scope")];
  if (from >= to) throw malformed("scope", "a time that begins before it ends");
  return { of, from, to };
}

function readFile(text: string): ListedFile {
  const [, digest, bytes, name] = /^([^ ]+) ([^ ]+) (.+)$/.exec(text) ?? [];
  if (digest === undefined || bytes === undefined || name === undefined) {
    throw malformed("file", "file <SHA-256> <bytes> <name>");
  }
  return { name, bytes: decimal(bytes, "file"), digest: fromHex(digest, 32, "file") };
}

function demandWhole({ scopes, files }: Manifest, different: number): void {
  const names = files.map(({ name }) => name);
  if (scopes.length === 0 || scopes.length > SCOPES_MAX || files.length > FILES_MAX) {
    throw malformed("manifest", `1 to ${SCOPES_MAX} scopes and at most ${FILES_MAX} files`);
  }
  if (different !== scopes.length) throw malformed("scope", "each scope once");
  if (names.some((name, at) => at > 0 && name <= (names[at - 1] ?? ""))) {
    throw malformed("file", "files sorted by name, each once");
  }
  const known = new Set([...ALWAYS, "ends.json", "generations.jsonl", "staff.jsonl"]);
  if (!names.every((name) => known.has(name) || policyOf(name) !== undefined)) {
    throw malformed("file", "files that packages have");
  }
  const chained = scopes.some(({ of }) => of !== "range");
  if (names.includes("ends.json") !== chained || !ALWAYS.every((name) => names.includes(name))) {
    throw malformed("file", "every file that such a package has");
  }
}
