/**
 * What a time-stamp token states: over what, and when (RFC 3161, section 2.4.2). Its signature is NOT verified here, so that
 * nothing of it is proven: `lww-verify anchors` and OpenSSL do that. Whether it is over the checkpoint that an entry names is told.
 * Source: audit/FORMAT.md, "Anchors".
 */
import { type Bytes, equal, fromBase64, utf8 } from "./bytes";
import { malformed } from "./refusal";

/** What a receipt states; whoever shows it says that its signature was not looked at. */
export interface Stated {
  anchor: string;
  form: string;
  /** The first so many entries are covered. */
  size: number;
  /** The time stated, in milliseconds since 1970, and how far it may be off. */
  at: number;
  accuracyMs: number;
}

interface Value {
  tag: number;
  content: Bytes;
}

const place = "token";

/** The members of a constructed value; strict enough for what is read here. */
function members(content: Bytes): Value[] {
  const found: Value[] = [];
  for (let at = 0; at < content.length;) {
    const [tag, first] = [content[at], content[at + 1]];
    if (tag === undefined || first === undefined) throw malformed(place, "DER");
    let [header, length] = [2, first];
    if (first > 0x80) {
      const count = first & 0x7f;
      if (count > 3) throw malformed(place, "a short length");
      length = content.subarray(at + 2, at + 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
      header += count;
    }
    const end = at + header + length;
    if (first === 0x80 || end > content.length) throw malformed(place, "DER");
    found.push({ tag, content: content.subarray(at + header, end) as Bytes });
    at = end;
  }
  return found;
}

/** The member at a place, which must have this tag. */
function member(content: Bytes, at: number, tag: number): Bytes {
  const found = members(content)[at];
  if (found?.tag !== tag) throw malformed(place, "a TimeStampToken");
  return found.content;
}

/** The TSTInfo within a token. */
function info(token: Bytes): Value[] {
  const signed = member(member(member(token, 0, 0x30), 1, 0xa0), 0, 0x30);
  const content = member(signed, 2, 0x30);
  return members(member(member(member(content, 1, 0xa0), 0, 0x04), 0, 0x30));
}

const number = (bytes: Bytes) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

function accuracy(found: Value | undefined): number {
  if (found?.tag !== 0x30) return 0;
  const units: Record<number, number> = { 0x02: 1000, 0x80: 1, 0x81: 0.001 };
  return members(found.content).reduce(
    (sum, { tag, content }) => sum + (units[tag] ?? 0) * number(content),
    0,
  );
}

function time(content: Bytes): number {
  const text = String.fromCharCode(...content);
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/.exec(text);
  if (parts === null) throw malformed(place, "a GeneralizedTime in UTC");
  const [, year, month, day, hour, minute, second, fraction] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${(fraction ?? ".0").slice(0, 4)}Z`);
}

/** Reads the detail of an entry `anchor.receipt/1`; a form that is not known states nothing (`null`). */
export async function readStated(detail: Record<string, unknown>): Promise<Stated | null> {
  const text = (name: string): string => {
    const value = detail[name];
    if (typeof value !== "string") throw malformed("detail", name);
    return value;
  };
  const checkpoint = text("checkpoint");
  const size = Number(/^[^\n]+\n(\d{1,16})\n[^\n]+\n$/.exec(checkpoint)?.[1] ?? Number.NaN);
  if (Number.isNaN(size)) throw malformed("detail", "a checkpoint");
  if (text("form") !== "rfc3161") return null;
  const [, , imprint, , at, ...rest] = info(fromBase64(text("receipt"), "receipt"));
  if (imprint?.tag !== 0x30 || at?.tag !== 0x18) throw malformed(place, "a TSTInfo");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(checkpoint)));
  if (!equal(member(imprint.content, 1, 0x04), digest)) throw malformed(place, "this checkpoint's imprint");
  return {
    ...{ anchor: text("anchor"), form: text("form"), size },
    ...{ at: time(at.content), accuracyMs: accuracy(rest[0]) },
  };
}
