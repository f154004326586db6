/** The widget is on every page of the bank: what it weighs is part of its interface. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const packed = (name: string) => gzipSync(readFileSync(`dist/${name}`), { level: 9 }).length;

test("the widget weighs less than 20 KB packed, and its verifier is a file of its own", () => {
  expect(packed("widget.js")).toBeLessThan(20 * 1024);
  expect(packed("widget/receipts.js")).toBeLessThan(10 * 1024);
});

test("nothing in it makes code or markup of text", () => {
  for (const name of ["widget.js", "widget/receipts.js"]) {
    expect(readFileSync(`dist/${name}`, "utf8")).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
    );
  }
});
