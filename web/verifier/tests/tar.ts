/** Packs files as `lww_audit::export::pack` does: `ustar`, the manifest first, no times, no owners. */
import { type Bytes, utf8 } from "../index";

const BLOCK_BYTES = 512;

export function tarOf(files: ReadonlyMap<string, string>): Bytes {
  const names = [...files.keys()].sort((a, b) => Number(b === "manifest") - Number(a === "manifest"));
  const blocks = names.flatMap((name) => {
    const content = utf8(files.get(name) ?? "");
    const padded = new Uint8Array(Math.ceil(content.length / BLOCK_BYTES) * BLOCK_BYTES);
    padded.set(content);
    return [headerOf(name, content.length), padded];
  });
  const tar = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 2 * BLOCK_BYTES));
  let at = 0;
  for (const block of blocks) {
    tar.set(block, at);
    at += block.length;
  }
  return tar;
}

function headerOf(name: string, size: number): Bytes {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string) => header.set(utf8(text), at);
  const octal = (value: number) => `${value.toString(8).padStart(11, "0")}\0`;
  put(0, name);
  put(100, "0000644\0");
  put(124, octal(size));
  put(136, octal(0));
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\x0000");
  const sum = header.reduce((sum, byte) => sum + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}
