import { expect, test } from "vitest";
import { climb, leafHash, utf8 } from "../../../../verifier";
import { pathOf } from "../../../../verifier/tests/maker";
import { rootOf } from "../../../../verifier/merkle";
import { rungs } from "./tree";

test("each rung's two nodes hold neighbouring entries whose hashes are those of the tree", async () => {
  const leaves = await Promise.all(Array.from({ length: 23 }, (_, at) => leafHash(utf8(`${at}`))));
  for (let size = 1; size <= leaves.length; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const tree = leaves.slice(0, size);
      const leaf = tree[index] ?? new Uint8Array(32);
      const { steps } = await climb(leaf, index, size, await pathOf(tree, index));
      const hex = async (first: number, last: number) =>
        Array.from(await rootOf(tree.slice(first, last + 1)), (byte) =>
          byte.toString(16).padStart(2, "0"),
        ).join("");
      for (const { mine, mineHash, sibling, siblingHash, side } of rungs(index, size, leaf, steps)) {
        expect(mineHash).toBe(await hex(mine.first, mine.last));
        expect(siblingHash).toBe(await hex(sibling.first, sibling.last));
        expect(side === "left" ? sibling.last + 1 : mine.last + 1).toBe(
          side === "left" ? mine.first : sibling.first,
        );
      }
    }
  }
});
