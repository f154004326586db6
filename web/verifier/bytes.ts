/**
 * Bytes and their text forms. All readers are strict: one text for one value, whatever the platform's own would forgive.
 * Source: RFC 4648 section 4 (base64, padded, no stray bits) and audit/FORMAT.md (hex in lower case).
 */
import { malformed } from "./refusal";

export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** UTF-8 of a text. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** The text that these bytes are the UTF-8 of; a byte order mark is a character like others. */
export function fromUtf8(bytes: Bytes, place: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(place, "UTF-8");
  }
}

/** Joins bytes. */
export function join(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Writes bytes as lower hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads exactly `length` bytes of lower hex digits. */
export function fromHex(text: string, length: number, place: string): Bytes {
  if (text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) {
    throw malformed(place, `${2 * length} lower hex digits`);
  }
  return Uint8Array.from({ length }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

/** Writes base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Reads base64 with padding; what would not be written the same way again is refused. */
export function fromBase64(text: string, place: string): Bytes {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw malformed(place, "base64");
  }
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (toBase64(bytes) !== text) throw malformed(place, "base64 with padding");
  return bytes;
}

/** Reads a hash: base64 of exactly 32 bytes. */
export function hashFromBase64(text: string, place: string): Bytes {
  const bytes = fromBase64(text, place);
  if (bytes.length !== 32) throw malformed(place, "32 bytes");
  return bytes;
}

/** Reads a decimal without sign and leading zeroes, at most 2^53 - 1. */
export function decimal(text: string, place: string): number {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw malformed(place, "a decimal below 2^53 without leading zeroes");
  return value;
}

/** SHA-256 of the joined parts. */
export async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}
