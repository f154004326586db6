import { expect, test } from "vitest";
import { WORDS } from "../../../widget/src/words";
import { words as en } from "./en";
import { words as zh } from "./zh-CN";

const FILES = Object.keys(import.meta.glob("./{en,zh-CN}/*.ts"));
const filesOf = (language: string) =>
  FILES.filter((path) => path.startsWith(`./${language}/`)).map((path) => path.slice(language.length + 3));

/** Each word by its whole name, with the variables that stand in it (the widget's words are functions of theirs). */
function flat(words: object, above = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(words).map(([name, value]: [string, unknown]) => {
      const whole = `${above}${name}`;
      if (typeof value === "object" && value !== null) return flat(value, `${whole}.`);
      if (typeof value === "function") return { [whole]: `function of ${value.length}` };
      expect(value, whole).toMatch(/\S/);
      // Braces in quotes are text, as `{'{agent}'}` shows `{agent}`.
      return { [whole]: (String(value).match(/\{'[^']*'\}|\{\w+\}/g) ?? []).sort().join(" ") };
    }),
  ) as Record<string, string>;
}

test("both languages have the same files, words and variables, in the order of the page", () => {
  expect(filesOf("en").length).toBeGreaterThan(5);
  expect(filesOf("en")).toEqual(filesOf("zh-CN"));
  expect(flat(en)).toEqual(flat(zh));
  expect(Object.keys(flat(en))).toEqual(Object.keys(flat(zh)));
});

test("the widget has the same words in both languages", () => {
  expect(flat(WORDS.en)).toEqual(flat(WORDS["zh-CN"]));
});
