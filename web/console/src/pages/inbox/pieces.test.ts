import { describe, expect, it } from "vitest";
import type { Span } from "../../types";
import { pieces } from "./pieces";

const span = (start: number, end: number): Span => ({
  start,
  end,
  entity: "cn.mobile",
  class: "C2",
  rule: "cn.mobile",
  confidence: 95,
});
const cut = (text: string, spans: Span[]) =>
  pieces(text, spans).map((piece) => [piece.text, piece.span !== null]);

describe("a text with masked spans", () => {
  it("is cut at Unicode scalar values, not at UTF-16 units", () => {
    expect(cut("😀号码138****5678😀", [span(3, 14)])).toEqual([
      ["😀号码", false],
      ["138****5678", true],
      ["😀", false],
    ]);
  });

  it("keeps every character whatever the spans say", () => {
    const text = "abcdef";
    for (const spans of [
      [],
      [span(0, 6)],
      [span(4, 9)],
      [span(3, 3)],
      [span(2, 4), span(3, 5)],
      [span(4, 5), span(0, 1)],
    ]) {
      expect(
        pieces(text, spans)
          .map((piece) => piece.text)
          .join(""),
      ).toBe(text);
    }
    expect(cut(text, [span(4, 9)])).toEqual([[text, false]]);
  });
});
