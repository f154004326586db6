/**
 * Reads canonical JSON (RFC 8785) as far as the ledger uses it, and nothing else: members sorted, none twice, no space,
 * the shortest escapes, integers of at most 53 bits. What this reads has exactly one sequence of bytes, so nothing has
 * to be written again to compare.
 */
import { malformed, type Refusal } from "./refusal";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** Members in their order. A map, since a plain object gives some names (`__proto__`) a meaning. */
export type JsonObject = ReadonlyMap<string, Json>;

/** Escapes other than `\u00xx`. */
const ESCAPES = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
/** Control characters without a short escape: `\u00xx` in lower hex digits. */
const LONG_ESCAPE = /u00(0[0-7be-f]|1[0-9a-f])/y;
const INTEGER = /-?(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y;
// The escapes' own characters and the control characters end a run of plain text.
// eslint-disable-next-line no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NAME = /^[a-z0-9_]{1,64}$/;

/** Reads one value that takes up the whole text and nests at most `depthMax` deep. */
export function readCanonical(text: string, place: string, depthMax: number): Json {
  const reader = new Reader(text, place);
  const value = reader.value(depthMax);
  reader.end();
  return value;
}

class Reader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly place: string,
  ) {}

  value(depth: number): Json {
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"':
        return this.string();
      case "n":
        return this.word("null", null);
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      default:
        return this.integer();
    }
  }

  end(): void {
    if (this.at !== this.text.length) throw this.refuse("nothing behind the value");
  }

  private object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    this.enter(depth);
    if (this.takes("}")) return members;
    let before = "";
    do {
      const name = this.string();
      if (!NAME.test(name)) throw this.refuse("a name of 1 to 64 of [a-z0-9_]");
      // Names are ASCII, so this is the order of RFC 8785; every name is greater than the empty one.
      if (name <= before) throw this.refuse("sorted members, none twice");
      this.expect(":");
      members.set(name, this.value(depth - 1));
      before = name;
    } while (this.takes(","));
    this.expect("}");
    return members;
  }

  private array(depth: number): readonly Json[] {
    const values: Json[] = [];
    this.enter(depth);
    if (this.takes("]")) return values;
    do values.push(this.value(depth - 1));
    while (this.takes(","));
    this.expect("]");
    return values;
  }

  /** Steps over an opening bracket. The bound also bounds this reader's own recursion. */
  private enter(depth: number): void {
    if (depth < 1) throw this.refuse("less nesting");
    this.at += 1;
  }

  private string(): string {
    this.expect('"');
    let read = "";
    for (;;) {
      read += this.match(PLAIN) ?? "";
      if (this.takes('"')) return read;
      if (!this.takes("\\")) throw this.refuse("the end of a string");
      const long = this.match(LONG_ESCAPE);
      const short = ESCAPES.get(this.text[this.at] ?? "");
      if (long !== undefined) {
        read += String.fromCharCode(Number.parseInt(long.slice(1), 16));
      } else if (short !== undefined) {
        read += short;
        this.at += 1;
      } else {
        throw this.refuse("the shortest escape");
      }
    }
  }

  private integer(): number {
    const digits = this.match(INTEGER);
    const value = Number(digits);
    if (digits === undefined || digits === "-0" || !Number.isSafeInteger(value)) {
      throw this.refuse("a value; numbers are integers below 2^53");
    }
    return value;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.refuse("a value");
    this.at += word.length;
    return value;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private takes(character: string): boolean {
    const found = this.text[this.at] === character;
    if (found) this.at += 1;
    return found;
  }

  private expect(character: string): void {
    if (!this.takes(character)) throw this.refuse(`canonical JSON: ${character}`);
  }

  private refuse(expected: string): Refusal {
    return malformed(this.place, `${expected}, at character ${this.at}`);
  }
}
