// What outside clocks have confirmed, as a line through time: each receipt is an entry, covers the entries before its checkpoint's
// size and comes before those behind it. Signatures are not looked at here; whoever shows this says so.

import { readStated, type Stated } from "../../../../verifier";
import { before, type Listed } from "./api";

export interface Receipt extends Stated {
  /** The entry that holds it. */
  entry: number;
}

/** Receipts that one look takes in, the newest first. */
export const RECEIPTS = 50;

export async function receipts(signal: AbortSignal): Promise<Receipt[]> {
  const kind = "anchor.receipt";
  const page = await before({ kind, conversation: "", actor: "" }, null, RECEIPTS, signal);
  const read = await Promise.all(page.entries.map(readReceipt));
  return read.filter((one) => one !== null);
}

/** What an entry holds; `null` when it is none, is of another form, or doesn't hold together. */
async function readReceipt({ index, entry }: Listed): Promise<Receipt | null> {
  try {
    const { detail } = JSON.parse(entry) as { detail: Record<string, unknown> };
    const stated = await readStated(detail);
    return stated === null ? null : { ...stated, entry: index };
  } catch {
    return null;
  }
}

export interface Bracket {
  after: Receipt | null;
  before: Receipt | null;
}

/** Between which receipts an entry is: the newest before it, and the earliest time of those that cover it. */
export function bracket(index: number, all: readonly Receipt[]): Bracket {
  const pick = (some: Receipt[], better: (one: Receipt, other: Receipt) => boolean) =>
    some.reduce<Receipt | null>((best, one) => (best === null || better(one, best) ? one : best), null);
  return {
    after: pick(
      all.filter(({ entry }) => entry < index),
      (one, other) => one.at > other.at,
    ),
    before: pick(
      all.filter(({ size }) => size > index),
      (one, other) => one.at < other.at,
    ),
  };
}
