import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { read, withMask, withNextVersion, withResults, withTest } from "./draft";

const FILE = readFileSync(
  new URL("../../../../../../policies/masking/cn-retail.yaml", import.meta.url),
  "utf8",
);

/** The lines that differ. */
function changed(before: string, after: string): [string, string][] {
  const [one, other] = [before.split("\n"), after.split("\n")];
  expect(other).toHaveLength(one.length);
  return one.flatMap((line, at) => (line === other[at] ? [] : [[line.trim(), (other[at] ?? "").trim()]]));
}

test("a form finds the masks of the policy that comes with the server", () => {
  const { rules, error } = read(FILE);
  expect(error).toBeNull();
  const mobile = rules.find(({ entity }) => entity === "cn.mobile");
  expect(mobile?.class).toBe("C2");
  expect(mobile?.masks["customer"]).toEqual({ operator: "keep", first: 3, last: 4 });
  expect(mobile?.masks["record"]).toEqual({ operator: "token", key: "tok-1" });
  expect(mobile?.masks["model"]).toEqual({ operator: "replace", name: "PHONE" });
  expect(rules.find(({ entity }) => entity === "card.cvv")?.masks).toEqual({ "*": { operator: "drop" } });
});

test("another mask changes one line, and comments stay", () => {
  const after = withMask(FILE, "cn.mobile", "customer", { operator: "keep", first: 3, last: 2 });
  expect(changed(FILE, after)).toEqual([
    ["customer: {keep: {first: 3, last: 4}}", "customer: {keep: {first: 3, last: 2}}"],
  ]);
  expect(read(after).rules.find(({ entity }) => entity === "cn.mobile")?.masks["customer"]).toEqual({
    operator: "keep",
    first: 3,
    last: 2,
  });
});

test("a view that was not named is written beside the others, in a block and in one line", () => {
  const block = withMask(FILE, "cn.mobile", "export", { operator: "drop" });
  expect(read(block).rules.find(({ entity }) => entity === "cn.mobile")?.masks["export"]).toEqual({
    operator: "drop",
  });
  expect(block.split("\n")).toHaveLength(FILE.split("\n").length + 1);
  const flow = withMask(FILE, "card.cvv", "agent", { operator: "replace", name: "CVV" });
  expect(read(flow).rules.find(({ entity }) => entity === "card.cvv")?.masks).toEqual({
    "*": { operator: "drop" },
    agent: { operator: "replace", name: "CVV" },
  });
  for (const text of [block, flow]) expect(read(text).error).toBeNull();
});

test("failing tests take over what is shown now, several of one line as well", () => {
  const text = 'tests:\n  - {in: "a", agent: "b", model: "c"} # why\n  - {in: "d", agent: e}\n';
  const results = [
    { number: 1, view: "agent", got: 'x"y' },
    { number: 1, view: "model", got: "z" },
    { number: 2, view: "agent", got: "[w]" },
    { number: 9, view: "agent", got: "nowhere" },
  ];
  expect(withResults(text, results)).toBe(
    'tests:\n  - {in: "a", agent: "x\\"y", model: "z"} # why\n  - {in: "d", agent: "[w]"}\n',
  );
});

test("the next version is one higher, and what can't be read is left alone and told", () => {
  const [version] = changed(FILE, withNextVersion(FILE));
  const [before, after] = version?.map((line) => Number(line.replace("version: ", ""))) ?? [];
  expect(after).toBe((before ?? 0) + 1);
  const broken = "rules: [\n";
  expect(read(broken).error).toContain("line");
  expect(withMask(broken, "cn.mobile", "agent", { operator: "drop" })).toBe(broken);
  expect(withNextVersion("id: x\n")).toBe("id: x\n");
  expect(withResults("id: x\n", [{ number: 1, view: "agent", got: "" }])).toBe("id: x\n");
});

test("one more test stands behind the last one, in a list of lines and in one line", () => {
  const line = '- {in: "卡号1", unchanged: true}';
  const after = withTest(FILE, line);
  expect(read(after).error).toBeNull();
  expect(after.trimEnd().split("\n").at(-1)).toBe(`  ${line}`);
  expect(after.trimEnd().split("\n").length).toBe(FILE.trimEnd().split("\n").length + 1);
  expect(withTest('tests: [{in: "a", unchanged: true}]\n', line)).toBe(
    'tests: [{in: "a", unchanged: true}, {in: "卡号1", unchanged: true}]\n',
  );
  expect(withTest("tests: []\n", line)).toBe("tests: []\n");
});
