// The path from an entry to the root as a picture has it: on each level the node that holds the entry, and its neighbour.

import { type PathStep, toHex } from "../../../../verifier";

/** Entries from `first` to `last`, both included. */
export interface Range {
  first: number;
  last: number;
}

export interface Rung {
  mine: Range;
  mineHash: string;
  sibling: Range;
  siblingHash: string;
  /** On which side the neighbour is. */
  side: "left" | "right";
}

/** The rungs from the leaf upwards; the root is above the last one. */
export function rungs(index: number, size: number, leaf: Uint8Array, steps: readonly PathStep[]): Rung[] {
  let mine: Range = { first: index, last: index };
  let hash = toHex(leaf);
  return steps.map(({ sibling, side, made }) => {
    const neighbour = side === "left" ? before(mine) : behind(mine, size);
    const rung = { mine, mineHash: hash, sibling: neighbour, siblingHash: toHex(sibling), side };
    mine = { first: Math.min(mine.first, neighbour.first), last: Math.max(mine.last, neighbour.last) };
    hash = toHex(made);
    return rung;
  });
}

/** A left neighbour is complete: as large as the power of two that its end is a multiple of. */
function before({ first }: Range): Range {
  let width = 1;
  while (first > 0 && first % (2 * width) === 0) width *= 2;
  return { first: Math.max(0, first - width), last: first - 1 };
}

/** A right neighbour is as large as its left one, or what is left of the tree. */
function behind({ first, last }: Range, size: number): Range {
  return { first: last + 1, last: Math.min(size - 1, last + 1 + (last - first)) };
}
