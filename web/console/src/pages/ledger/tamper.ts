// Changes a copy of a receipt in one place, so that a reader sees what a forger would get.

import { toBase64, utf8 } from "../../../../verifier";

export const PLACES = ["entry", "path", "checkpoint", "signature"] as const;
export type Place = (typeof PLACES)[number];

export interface Tampered {
  receipt: string;
  before: string;
  after: string;
}

/** Changes one character; `null` where there is nothing to change, as in the path of a log's only entry. */
export function tamper(receipt: string, place: Place): Tampered | null {
  const lines = receipt.split("\n");
  const end = lines.indexOf("");
  const at = { entry: 1, path: 3, checkpoint: end + 2, signature: end + 5 }[place];
  const line = lines[at];
  if (line === undefined || line === "") return null;
  const changed = place === "entry" ? changeEntry(line) : changeLine(line, place);
  return (
    changed && {
      ...changed,
      receipt: [...lines.slice(0, at), changed.line, ...lines.slice(at + 1)].join("\n"),
    }
  );
}

interface Changed {
  line: string;
  before: string;
  after: string;
}

/** Makes the recorded time a microsecond another, inside the entry that the receipt carries. */
function changeEntry(line: string): Changed | null {
  const extra = new TextDecoder().decode(
    Uint8Array.from(atob(line.slice("extra ".length)), (c) => c.charCodeAt(0)),
  );
  const time = /\\"time\\":\\"([^"\\]{26})Z\\"/.exec(extra)?.[1];
  if (time === undefined) return null;
  const after = next(time, time.length - 1);
  return {
    line: `extra ${toBase64(utf8(extra.replace(time, after)))}`,
    before: `${time}Z`,
    after: `${after}Z`,
  };
}

/** A size one smaller; or a hash or a signature with one character another. */
function changeLine(line: string, place: Place): Changed {
  const after = place === "checkpoint" ? `${Number(line) - 1}` : next(line, Math.max(0, line.length - 8));
  return { line: after, before: line, after };
}

/** The text with the character at this place another one of the same kind. */
function next(text: string, at: number): string {
  const character = text[at] ?? "0";
  const other = /[0-9]/.test(character) ? `${(Number(character) + 1) % 10}` : character === "A" ? "B" : "A";
  return text.slice(0, at) + other + text.slice(at + 1);
}
