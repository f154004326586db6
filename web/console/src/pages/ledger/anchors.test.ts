import { expect, test } from "vitest";
import { bracket, type Receipt } from "./anchors";

const receipt = (entry: number, size: number, at: number): Receipt => ({
  ...{ anchor: "tsa-one", form: "rfc3161", accuracyMs: 0 },
  ...{ entry, size, at },
});

test("an entry is between the receipt before it and the first that covers it", () => {
  const all = [receipt(100, 90, 2000), receipt(20, 15, 1000)];
  const told = (index: number) => {
    const { after, before } = bracket(index, all);
    return [after?.entry, before?.entry];
  };
  expect(told(14)).toEqual([undefined, 20]);
  expect(told(15)).toEqual([undefined, 100]);
  expect(told(20)).toEqual([undefined, 100]);
  expect(told(21)).toEqual([20, 100]);
  expect(told(90)).toEqual([20, undefined]);
  expect(told(101)).toEqual([100, undefined]);
});
