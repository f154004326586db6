import { expect, test } from "vitest";
import { together } from "./together";

/** What was heard, in the lots it was heard in, and a screen that draws when it is told to. */
function heard() {
  const lots: number[][] = [];
  const pictures: (() => void)[] = [];
  let lot: number[] = [];
  const end = () => {
    if (lot.length > 0) lots.push(lot);
    lot = [];
  };
  const lines = together<number>(
    (one) => lot.push(one),
    (run) => pictures.push(run),
  );
  return {
    lots,
    pictures,
    take: (...all: number[]) =>
      all.forEach((one) => {
        lines.take(one);
        end();
      }),
    draw: () => {
      pictures.shift()?.();
      end();
    },
    drain: () => {
      lines.drain();
      end();
    },
    drop: lines.drop,
  };
}

test("a line after a pause is heard at once", () => {
  const { lots, take, draw, pictures } = heard();
  take(1);
  expect(lots).toEqual([[1]]);
  draw();
  expect(pictures).toEqual([]);
  take(2);
  expect(lots).toEqual([[1], [2]]);
});

test("what comes before the next picture is heard in one go, in its order, and nothing twice", () => {
  const { lots, take, draw, pictures } = heard();
  take(1, 2, 3, 4);
  expect(lots).toEqual([[1]]);
  draw();
  expect(lots).toEqual([[1], [2, 3, 4]]);
  take(5);
  expect(lots).toEqual([[1], [2, 3, 4]]);
  draw();
  draw();
  expect(lots).toEqual([[1], [2, 3, 4], [5]]);
  expect(pictures).toEqual([]);
});

test("a screen that draws nothing holds no more than a thousand", () => {
  const { lots, take, pictures } = heard();
  take(...Array.from({ length: 1_002 }, (_, at) => at));
  expect(lots.map((lot) => lot.length)).toEqual([1, 1_000]);
  expect(pictures).toHaveLength(1);
});

test("at the end of a connection what is held is heard at once, and after a session never", () => {
  const { lots, take, draw, drain, drop } = heard();
  take(1, 2);
  drain();
  expect(lots).toEqual([[1], [2]]);
  take(3);
  drop();
  draw();
  expect(lots).toEqual([[1], [2]]);
});
