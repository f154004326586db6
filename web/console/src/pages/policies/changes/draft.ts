// A policy file that is being changed by a form: only the words that change are written anew, so that layout and comments
// stay, and whoever approves sees a short difference.

import {
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Document,
  type Node,
  type ParsedNode,
  type YAMLMap,
} from "yaml";
import type { ViewRule } from "../api";

/** What one view sees, as a form changes it; `unknown`: written in a way that the form leaves alone. */
export type Mask = ViewRule | { operator: "unknown" };

export interface DraftRule {
  entity: string;
  class: string;
  /** By view; `*` stands for those that are not named. */
  masks: Record<string, Mask>;
}

export interface Read {
  rules: DraftRule[];
  /** Why the text can't be read as YAML, with its line; the form is of no use then. */
  error: string | null;
}

/** Reads what a form needs. */
export function read(text: string): Read {
  const document = parse(text);
  const [error] = document.errors;
  if (error) return { rules: [], error: error.message };
  return { rules: rules(document).map(ruleOf), error: null };
}

/** The text with another mask of an entity for a view. */
export function withMask(text: string, entity: string, view: string, mask: ViewRule): string {
  const rule = rules(parse(text)).find((one) => one.get("entity") === entity);
  const views = rule?.get("views", true);
  if (!isMap(views)) return text;
  const present = views.get(view, true) as ParsedNode | undefined;
  const written = write(mask);
  if (present?.range) return put(text, present.range[0], present.range[1], written);
  return insert(text, views as YAMLMap.Parsed, view, written);
}

/** The text with what each failing test shows now in place of what it expected. */
export function withResults(text: string, failing: { number: number; view: string; got: string }[]): string {
  const tests = parse(text).get("tests", true);
  if (!isSeq(tests)) return text;
  const changes = failing.flatMap(({ number, view, got }) => {
    const test = tests.items[number - 1];
    const expected = isMap(test) ? (test.get(view, true) as ParsedNode | undefined) : undefined;
    return expected?.range ? [{ range: expected.range, got }] : [];
  });
  // From the end, so that places before stay what they are.
  changes.sort((one, other) => other.range[0] - one.range[0]);
  return changes.reduce(
    (changed, { range, got }) => put(changed, range[0], range[1], JSON.stringify(got)),
    text,
  );
}

/** The text with one more test at the end; `test` is an item of a block list: `- {in: …}`. */
export function withTest(text: string, test: string): string {
  const tests = parse(text).get("tests", true);
  const last = isSeq(tests) ? (tests.items.at(-1) as ParsedNode | undefined) : undefined;
  if (!isSeq(tests) || !last?.range) return text;
  if (tests.flow) return put(text, last.range[1], last.range[1], `, ${test.replace(/^- /, "")}`);
  const line = text.lastIndexOf("\n", last.range[0] - 1) + 1;
  const indent = /^ */.exec(text.slice(line))?.[0] ?? "";
  return put(text, last.range[1], last.range[1], `\n${indent}${test}`);
}

/** The text as the next version of itself. */
export function withNextVersion(text: string): string {
  const version = parse(text).get("version", true) as ParsedNode | undefined;
  if (!isScalar(version) || typeof version.value !== "number" || !version.range) return text;
  return put(text, version.range[0], version.range[1], String(version.value + 1));
}

function parse(text: string): Document.Parsed {
  return parseDocument(text, { prettyErrors: true });
}

function rules(document: Document.Parsed): YAMLMap[] {
  const rules = document.get("rules", true);
  return isSeq(rules) ? rules.items.filter((item): item is YAMLMap => isMap(item)) : [];
}

function ruleOf(rule: YAMLMap): DraftRule {
  const views = rule.get("views", true);
  const masks: Record<string, Mask> = {};
  for (const pair of isMap(views) ? views.items : []) {
    masks[String((pair.key as Node & { value?: unknown }).value)] = maskOf(pair.value as Node | null);
  }
  return { entity: String(rule.get("entity")), class: String(rule.get("class")), masks };
}

function maskOf(node: Node | null): Mask {
  if (isScalar(node)) return node.value === "drop" ? { operator: "drop" } : { operator: "unknown" };
  const told = isMap(node) ? (node.toJSON() as Record<string, unknown>) : {};
  const { keep, replace, token, key } = told;
  if (keep === "all") return { operator: "keep_all" };
  if (typeof keep === "object" && keep !== null) {
    const { first = 0, last = 0 } = keep as { first?: number; last?: number };
    return { operator: "keep", first, last };
  }
  const name = typeof replace === "string" ? /^<([A-Z_]+)_\{n\}>$/.exec(replace)?.[1] : undefined;
  if (name !== undefined) return { operator: "replace", name };
  if (token === "hmac" && typeof key === "string") return { operator: "token", key };
  return { operator: "unknown" };
}

function write(mask: ViewRule): string {
  switch (mask.operator) {
    case "drop":
      return "drop";
    case "keep_all":
      return "{keep: all}";
    case "keep":
      return `{keep: {first: ${mask.first}, last: ${mask.last}}}`;
    case "replace":
      return `{replace: "<${mask.name}_{n}>"}`;
    case "token":
      return `{token: hmac, key: ${mask.key}}`;
    case "encrypt":
      return `{fpe: ff1, key: ${mask.key}}`;
    case "shift_date":
      return `{date_shift: ${mask.days_max}, key: ${mask.key}}`;
    case "generalise":
      return `{generalise: ${mask.level}}`;
  }
}

function put(text: string, from: number, to: number, written: string): string {
  return text.slice(0, from) + written + text.slice(to);
}

function insert(text: string, views: YAMLMap.Parsed, view: string, written: string): string {
  const name = /^[a-z]+$/.test(view) ? view : JSON.stringify(view);
  const last = views.items.at(-1);
  if (views.flow || last === undefined) {
    const end = text.lastIndexOf("}", views.range[1]);
    return put(text, end, end, `${last === undefined ? "" : ", "}${name}: ${written}`);
  }
  const first = views.items[0]?.key.range[0] ?? views.range[0];
  const indent = " ".repeat(first - (text.lastIndexOf("\n", first - 1) + 1));
  const end = last.value?.range[1] ?? last.key.range[1];
  return put(text, end, end, `\n${indent}${name}: ${written}`);
}
