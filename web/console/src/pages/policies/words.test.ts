import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import en from "../../i18n/en/inbox";
import zh from "../../i18n/zh-CN/inbox";

test("each entity that a policy may name has words in both languages", async () => {
  const file = await readFile(
    new URL("../../../../../policies/masking/schema.json", import.meta.url),
    "utf8",
  );
  const schema = JSON.parse(file) as { $defs: { entity: { anyOf: [{ enum: string[] }] } } };
  const names = schema.$defs.entity.anyOf[0].enum.map((name) => name.replaceAll(".", "_"));
  expect(names.length).toBeGreaterThan(40);
  for (const words of [en, zh]) expect(names.filter((name) => !(name in words.entities))).toEqual([]);
});
