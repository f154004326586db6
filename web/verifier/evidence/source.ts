/**
 * The files of a package: those of a folder, or the members of a tar, found by one look through it. Nothing is unpacked and
 * nothing believed. Source: audit/FORMAT.md, "Evidence packages"; POSIX.1-1988 `ustar` for the tar.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../bytes";
import { malformed, Refusal } from "../refusal";

/** Most files of a package, beside its manifest. */
export const FILES_MAX = 4096;
/** Longest line, and longest file that is read whole, in bytes. */
export const LINE_BYTES_MAX = 1_048_576;
const BLOCK_BYTES = 512;

/** Length and SHA-256 of a file that was read to its end. */
export interface Digest {
  readonly bytes: number;
  readonly hash: Bytes;
}

/** The files of a package by their names. */
export class PackageFiles {
  constructor(private readonly files: ReadonlyMap<string, Blob>) {
    if (files.size > FILES_MAX + 1) throw malformed("package", `at most ${FILES_MAX} files`);
  }

  names(): string[] {
    return [...this.files.keys()].sort();
  }

  /** Length of all files together, in bytes. */
  get size(): number {
    return [...this.files.values()].reduce((sum, file) => sum + file.size, 0);
  }

  file(name: string): Blob {
    const file = this.files.get(name);
    if (file === undefined) throw new Refusal("gap", "file", "a file of the package");
    return file;
  }

  /** Reads a small file whole. */
  async whole(name: string): Promise<Bytes> {
    const file = this.file(name);
    if (file.size > LINE_BYTES_MAX) throw malformed("file", `at most ${LINE_BYTES_MAX} bytes`);
    return new Uint8Array(await file.arrayBuffer());
  }
}

/** Finds the members of a tar that `lww evidence export` or `lww_audit::export::pack` made: files only, short names. */
export async function readTar(tar: Blob): Promise<PackageFiles> {
  const files = new Map<string, Blob>();
  let at = 0;
  while (at < tar.size) {
    const header = new Uint8Array(await tar.slice(at, at + BLOCK_BYTES).arrayBuffer());
    if (header.every((byte) => byte === 0)) break;
    const { name, size } = readHeader(header);
    const start = at + BLOCK_BYTES;
    if (start + size > tar.size) throw malformed("tar", "a whole member");
    if (files.has(name)) throw malformed("tar", "each file once");
    if (files.size > FILES_MAX) throw malformed("tar", `at most ${FILES_MAX} files`);
    files.set(name, tar.slice(start, start + size));
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  if (!files.has("manifest")) throw malformed("tar", "a folder or a tar with a manifest");
  return new PackageFiles(files);
}

function readHeader(header: Bytes): { name: string; size: number } {
  const text = (from: number, length: number) => {
    const field = header.slice(from, from + length);
    const end = field.indexOf(0);
    return String.fromCharCode(...field.slice(0, end < 0 ? length : end));
  };
  const octal = (from: number, length: number) => {
    const digits = text(from, length).trim();
    return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  };
  // The sum is over the header with blanks in the place of the sum itself.
  const sum = header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
  const size = octal(124, 12);
  if (header.length !== BLOCK_BYTES || octal(148, 8) !== sum || Number.isNaN(size)) {
    throw malformed("tar", "a header with its sum");
  }
  if (!["", "0"].includes(text(156, 1))) throw malformed("tar", "files only");
  const prefix = text(257, 5) === "ustar" ? text(345, 155) : "";
  return { name: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`, size };
}

/** Reads a file to its end in pieces. */
export async function digestOf(file: Blob, each: (piece: Bytes) => void = () => undefined): Promise<Digest> {
  const hash = sha256.create();
  const reader = file.stream().getReader();
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes, hash: new Uint8Array(hash.digest()) };
    const piece = new Uint8Array(value);
    hash.update(piece);
    bytes += piece.length;
    each(piece);
  }
}

/** Reads a file's lines without their line breaks, and its digest; memory does not grow with the file. */
export async function readLines(
  file: Blob,
  each: (line: Bytes, number: number) => Promise<void>,
  bad: (refusal: Refusal, number: number) => Error,
): Promise<Digest> {
  const hash = sha256.create();
  const reader = file.stream().getReader();
  let [bytes, number, open] = [0, 0, new Uint8Array()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const piece = new Uint8Array(value);
    hash.update(piece);
    bytes += piece.length;
    let from = 0;
    for (let to = piece.indexOf(10); to >= 0; to = piece.indexOf(10, from)) {
      const line = joined(open, piece.subarray(from, to));
      number += 1;
      if (line.length > LINE_BYTES_MAX) throw bad(tooLong(), number);
      await each(line, number);
      [open, from] = [new Uint8Array(), to + 1];
    }
    open = joined(open, piece.subarray(from));
    if (open.length > LINE_BYTES_MAX) throw bad(tooLong(), number + 1);
  }
  if (open.length > 0) throw bad(malformed("line", "a line break at the end"), number + 1);
  return { bytes, hash: new Uint8Array(hash.digest()) };
}

function tooLong(): Refusal {
  return malformed("line", `at most ${LINE_BYTES_MAX} bytes`);
}

function joined(one: Uint8Array, other: Uint8Array): Bytes {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
