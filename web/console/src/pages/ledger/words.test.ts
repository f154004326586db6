import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import en from "../../i18n/en/ledger";
import zh from "../../i18n/zh-CN/ledger";
import { kindKey } from "./words";

test("each kind of entry that the format lists has words in both languages", async () => {
  const format = await readFile(new URL("../../../../../audit/FORMAT.md", import.meta.url), "utf8");
  const kinds = [...format.matchAll(/^\| `([a-z_.]+\/[0-9]+)` \|/gm)].map((found) => found[1] ?? "");
  expect(kinds.length).toBeGreaterThan(50);
  for (const words of [en, zh]) {
    const missing = kinds.filter((kind) => !(kindKey(kind) in words.kinds));
    expect(missing).toEqual([]);
    const groups = kinds.map((kind) => kind.split(/[./]/)[0] ?? "");
    expect(groups.filter((group) => !(group in words.groups))).toEqual([]);
  }
});
