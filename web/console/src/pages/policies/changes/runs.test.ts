import { expect, test } from "vitest";
import { type Counts, percent, sorted } from "./runs";

const counts = (entity: string, less_masked: number, more_masked: number, same = 0): Counts => ({
  entity,
  less_masked,
  more_masked,
  otherwise: 0,
  same,
});

test("what is shown more of stands first, then what is hidden more, then the rest", () => {
  const told = [counts("a", 0, 0, 99), counts("b", 0, 3), counts("c", 1, 0), counts("d", 0, 3)];
  expect(sorted(told).map(({ entity }) => entity)).toEqual(["c", "b", "d", "a"]);
  expect(told[0]?.entity).toBe("a");
});

test("a part is never told as the whole, and nothing to do is done", () => {
  expect(percent({ done: 0, all: 0 })).toBe(100);
  expect(percent({ done: 999, all: 1000 })).toBe(99);
  expect(percent({ done: 1001, all: 1000 })).toBe(100);
});
