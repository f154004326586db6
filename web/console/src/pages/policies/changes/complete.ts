// What can stand at a place of a policy file, by the JSON Schema that the loader's own tests hold it to. The text may be broken, as
// texts are while they are typed: places are told by indentation and by the braces of one line, not by a parser.

import schema from "../../../../../../policies/masking/schema.json";

/** One thing that can stand there. */
export interface Offer {
  /** As it is written. */
  text: string;
  /** A key of a mapping, or a value. */
  kind: "key" | "value";
  /** The schema's own words for it. */
  detail: string;
}

export interface Offers {
  /** Characters that an offer takes the place of. */
  from: number;
  to: number;
  offers: Offer[];
}

interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  type?: string;
  examples?: unknown[];
  description?: string;
}

/** A place: the keys that lead to it (`0` for a list's), what is typed there, and whether a key or a value is. */
interface Place {
  path: string[];
  typed: string;
  kind: "key" | "value";
}

const ROOT = schema as unknown as Schema & { $defs: Record<string, Schema> };
const LISTED = 60;

/** What can stand where the caret is. */
export function offersAt(text: string, caret: number): Offers {
  const before = text.slice(0, caret);
  const none = { from: caret, to: caret, offers: [] };
  const place = placeOf(before);
  if (place === null) return none;
  const places = place.path.reduce<Schema[]>(
    (schemas, key) => schemas.flatMap((one) => inside(one, key)),
    expand(ROOT),
  );
  const present = place.kind === "key" ? written(text, before) : new Set<string>();
  const all = place.kind === "key" ? places.flatMap(keys) : [...places.flatMap(values), ...own(text, place)];
  const typed = place.typed.toLowerCase();
  const wanted = all.filter(
    ({ text: offer }) =>
      offer.toLowerCase().includes(typed.replace(/^["']/, "")) &&
      offer !== place.typed &&
      !present.has(offer),
  );
  const unique = [...new Map(wanted.map((offer) => [offer.text, offer])).values()];
  const begins = ({ text: offer }: Offer) => (offer.toLowerCase().startsWith(typed) ? 0 : 1);
  unique.sort((one, other) => begins(one) - begins(other));
  return { from: caret - place.typed.length, to: caret, offers: unique.slice(0, LISTED) };
}

/** The text with an offer taken, and where the caret is then. */
export function take(text: string, { from, to }: Offers, offer: Offer): { text: string; caret: number } {
  const rest = text.slice(to);
  const colon = offer.kind === "key" && !/^\s*:/.test(rest) ? ": " : "";
  const written = (offer.text === "*" ? '"*"' : offer.text) + colon;
  return { text: text.slice(0, from) + written + rest, caret: from + written.length };
}

function placeOf(before: string): Place | null {
  const lines = before.split("\n");
  const line = lines.pop() ?? "";
  if (/^\s*#/.test(line) || /\s#[^"']*$/.test(line)) return null;
  const head = /^(\s*)((?:- +)*)(.*)$/s.exec(line);
  if (!head) return null;
  const [, space = "", dashes = "", rest = ""] = head;
  const column = space.length + dashes.length;
  const path = [...above(lines, space.length + (dashes === "" ? 0 : dashes.length - 2), dashes !== "")];
  if (dashes !== "") path.push("0");
  const flow = within(rest);
  if (flow !== null) return { ...flow, path: [...path, ...flow.path] };
  const pair = /^("[^"]*"|'[^']*'|[\w.*/@-]+):\s+(.*)$/s.exec(rest);
  if (pair) return { path: [...path, bare(pair[1] ?? "")], typed: pair[2] ?? "", kind: "value" };
  if (!/^["'\w.*/@-]*$/.test(rest)) return null;
  const isItem = dashes !== "" && column > 0 && !takesKeys(path);
  return { path, typed: rest, kind: isItem ? "value" : "key" };
}

/** Whether a place holds a mapping. */
function takesKeys(path: string[]): boolean {
  const places = path.reduce<Schema[]>((all, key) => all.flatMap((one) => inside(one, key)), expand(ROOT));
  return places.some((one) => one.properties !== undefined);
}

/** The keys that a line of this indentation stands under. */
function above(lines: string[], indent: number, isItem: boolean): string[] {
  const path: string[] = [];
  let limit = indent;
  let atItem = isItem;
  for (const line of [...lines].reverse()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, space = "", dashes = "", key = ""] =
      /^(\s*)((?:- +)*)("[^"]*"|'[^']*'|[\w.*/@-]+)?/.exec(line) ?? [];
    const column = space.length + dashes.length;
    const opens = /:\s*(#.*)?$/.test(line);
    // A list may stand as far left as the key that it belongs to.
    const isParent = opens && (column < limit || (atItem && column === limit && dashes === ""));
    if (isParent && key !== "") {
      path.unshift(bare(key));
      [limit, atItem] = [column, false];
    }
    if (dashes !== "" && space.length < limit && (isParent || column <= limit)) {
      path.unshift("0");
      [limit, atItem] = [space.length, true];
    }
    if (limit === 0 && !atItem) break;
  }
  return path;
}

/** A place inside braces that the line has opened; `null` when none is open. */
function within(rest: string): Place | null {
  const stack: { isMap: boolean; key: string | null }[] = [];
  const first = /^("[^"]*"|'[^']*'|[\w.*/@-]+):\s+(?=[[{])/.exec(rest);
  let [word, quote, at] = ["", "", first?.[0].length ?? 0];
  for (; at < rest.length; at++) {
    const character = rest[at] ?? "";
    const top = stack.at(-1);
    if (quote !== "") {
      if (character === quote) quote = "";
      word += character;
    } else if (character === "{" || character === "[") {
      stack.push({ isMap: character === "{", key: null });
      word = "";
    } else if (character === "}" || character === "]") {
      stack.pop();
      word = "";
    } else if (top === undefined) {
      return null;
    } else if (character === ",") {
      [top.key, word] = [null, ""];
    } else if (character === ":" && top.isMap && top.key === null) {
      [top.key, word] = [bare(word.trim()), ""];
    } else {
      if (character === '"' || character === "'") quote = character;
      word += character;
    }
  }
  const top = stack.at(-1);
  if (top === undefined) return null;
  const path = first ? [bare(first[1] ?? "")] : [];
  for (const { isMap, key } of stack.slice(0, -1)) path.push(isMap ? (key ?? "") : "0");
  const typed = word.trimStart();
  if (!top.isMap) return { path: [...path, "0"], typed, kind: "value" };
  return top.key === null ? { path, typed, kind: "key" } : { path: [...path, top.key], typed, kind: "value" };
}

function bare(key: string): string {
  return key.replace(/^["']|["']$/g, "");
}

/** The forms that a schema may take. */
function expand(one: Schema): Schema[] {
  if (one.$ref !== undefined) {
    const named = ROOT.$defs[one.$ref.replace("#/$defs/", "")];
    if (named === undefined) return [];
    const detail = one.description === undefined ? {} : { description: one.description };
    return expand({ ...named, ...detail });
  }
  const forms = one.anyOf ?? one.oneOf;
  return forms === undefined ? [one] : forms.flatMap(expand);
}

function inside(one: Schema, key: string): Schema[] {
  if (one.type === "array") return one.items === undefined ? [] : expand(one.items);
  const named = one.properties?.[key];
  if (named !== undefined) return expand(named);
  return typeof one.additionalProperties === "object" ? expand(one.additionalProperties) : [];
}

function keys(one: Schema): Offer[] {
  return Object.entries(one.properties ?? {}).map(([text, of]) => ({
    text,
    kind: "key",
    detail: of.description ?? expand(of)[0]?.description ?? "",
  }));
}

function values(one: Schema): Offer[] {
  const fixed = one.const === undefined ? (one.enum ?? []) : [one.const];
  const said = [...fixed, ...(one.examples ?? [])].map(flow);
  const words = one.type === "boolean" ? [...said, "true", "false"] : said;
  return words.map((text) => ({ text, kind: "value", detail: one.description ?? "" }));
}

/** A value as one line of YAML. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${key}: ${flow(inner)}`)
      .join(", ")}}`;
  }
  return typeof value === "string" && /[<>{}*:#]/.test(value) ? JSON.stringify(value) : String(value);
}

/** Layers of the policy's own, where layers are named. */
function own(text: string, { path }: Place): Offer[] {
  if (path.at(-2) !== "layers" || path.at(-1) !== "0") return [];
  const defined = text.matchAll(/^\s+((?:tenant|channel|purpose)\/[a-z0-9_-]+):/gm);
  return [...defined].map(([, name = ""]) => ({ text: name, kind: "value", detail: "" }));
}

/** Keys that the mapping around the caret has already, as far as the same line or lines of the same indentation tell. */
function written(text: string, before: string): Set<string> {
  const start = before.lastIndexOf("\n") + 1;
  const line = before.slice(start);
  const open = line.lastIndexOf("{");
  if (open >= 0 && !line.slice(open).includes("}")) {
    return new Set([...line.slice(open).matchAll(/([\w.*]+):/g)].map(([, key = ""]) => key));
  }
  const indent = /^\s*/.exec(line)?.[0].length ?? 0;
  const present = new Set<string>();
  const look = (lines: string[]) => {
    for (const one of lines) {
      if (/^\s*(#|$)/.test(one)) continue;
      const [, space = "", dash = "", key = ""] = /^(\s*)(- +)?"?([\w.*/-]*)/.exec(one) ?? [];
      const column = space.length + dash.length;
      if (column < indent) return;
      if (column === indent && key !== "") present.add(key);
      if (dash !== "" && column === indent) return;
    }
  };
  look(
    text
      .slice(0, Math.max(0, start - 1))
      .split("\n")
      .reverse(),
  );
  const after = text.indexOf("\n", before.length);
  if (after >= 0) look(text.slice(after + 1).split("\n"));
  return present;
}
