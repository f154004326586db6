/** One entry of a package: a receipt without its checkpoint, on one line. Nothing of it is believed by this. */
import { type Bytes, fromUtf8, hashFromBase64 } from "../bytes";
import { Members } from "../entry";
import { type Json, readCanonical } from "../json";
import { PATH_MAX } from "../merkle";
import { type Opened, readEntryAndOpened } from "../receipt";
import { malformed } from "../refusal";

export interface Line {
  readonly entry: Bytes;
  readonly opened: readonly Opened[];
  /** Absent for an entry of the context that the next one proves by its `prev`. */
  readonly path?: readonly Bytes[];
}

/** Reads a line without its line break. */
export function readLine(bytes: Bytes): Line {
  const members = new Members(readCanonical(fromUtf8(bytes, "line"), "line", 3), "line");
  const extra = readEntryAndOpened(members);
  const path = members.optional("path", () => readPath(members.any("path")));
  members.demandNoOthers();
  return { ...extra, ...path };
}

/** Reads a path: an array of hashes. */
export function readPath(value: Json | undefined): Bytes[] {
  if (!Array.isArray(value) || value.length > PATH_MAX) throw malformed("path", `at most ${PATH_MAX} hashes`);
  return value.map((hash: Json) => {
    if (typeof hash !== "string") throw malformed("path", "a hash in base64");
    return hashFromBase64(hash, "path");
  });
}
