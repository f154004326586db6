// Cuts a text at its masked spans. Offsets count Unicode scalar values, as the server does; JavaScript counts UTF-16 units.

import type { Span } from "../../types";

export interface Piece {
  text: string;
  span: Span | null;
}

/** Gives back the text in pieces, in order; a span that does not fit the text is left out, never the text. */
export function pieces(text: string, spans: readonly Span[] = []): Piece[] {
  const scalars = [...text];
  const cut: Piece[] = [];
  let at = 0;
  const add = (from: number, to: number, span: Span | null) => {
    if (to > from) cut.push({ text: scalars.slice(from, to).join(""), span });
  };
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    if (span.start < at || span.end <= span.start || span.end > scalars.length) continue;
    add(at, span.start, null);
    add(span.start, span.end, span);
    at = span.end;
  }
  add(at, scalars.length, null);
  return cut;
}
