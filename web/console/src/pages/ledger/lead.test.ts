import { expect, test } from "vitest";
import { type Maker, maker, statementOf } from "../../../../verifier/tests/maker";
import { vectorJson, vectorText } from "../../../../verifier/tests/vectors";
import { lead } from "./lead";

const ORIGIN = "lww.example/acme/1";
const [first, second, third, other] = (await Promise.all(Array.from({ length: 4 }, () => maker(ORIGIN)))) as [
  Maker,
  Maker,
  Maker,
  Maker,
];

async function told(...pairs: [Maker, Maker][]) {
  const statements = await Promise.all(pairs.map(([old, successor]) => statementOf(old, successor)));
  return statements.map((statement, at) => ({ index: 10 * (at + 1), statement }));
}

const changed = (index: number, old: Maker, successor: Maker) => ({
  index,
  old: old.vkey,
  successor: successor.vkey,
});

test("trusted keys lead to the offered one by every change between them", async () => {
  const line = await told([first, second], [second, third]);
  expect(await lead([first.vkey], [], line, third.vkey)).toEqual([
    changed(10, first, second),
    changed(20, second, third),
  ]);
  expect(await lead([second.vkey], [], line, third.vkey)).toEqual([changed(20, second, third)]);
  const known = [changed(10, first, second)];
  const keys = [first.vkey, second.vkey];
  expect(await lead(keys, known, line, third.vkey)).toEqual([changed(20, second, third)]);
});

test("nothing leads to a key that no trusted one has named", async () => {
  const line = await told([first, second]);
  expect(await lead([first.vkey], [], line, other.vkey)).toBeNull();
  expect(await lead([first.vkey], [], [], second.vkey)).toBeNull();
  expect(await lead([other.vkey], [], line, second.vkey)).toBeNull();
  expect(await lead([first.vkey], [], await told([other, second]), second.vkey)).toBeNull();
  const [spoilt] = line;
  const text = spoilt?.statement.replace("@v1\n", "@v2\n") ?? "";
  expect(await lead([first.vkey], [], [{ index: 1, statement: text }], second.vkey)).toBeNull();
});

test("a key that has named one successor names no other", async () => {
  const both = await told([first, second], [first, third]);
  expect(await lead([first.vkey], [], both, third.vkey)).toBeNull();
  const known = [changed(10, first, second)];
  const keys = [first.vkey, second.vkey];
  expect(await lead(keys, known, await told([first, third]), third.vkey)).toBeNull();
});

test("a declared gap leads to the next generation's key, if the old one has signed for it", async () => {
  interface Row {
    name: string;
    trusted: string[];
    declaration: string;
  }
  const { declarations } = await vectorJson<{ declarations: Row[] }>("generations.json");
  const row = (wanted: string) => declarations.find(({ name }) => name === wanted) as Row;
  const old = (await vectorText("vkey")).trim();
  const fresh = row("by-both-keys-to-holders-of-the-new").trusted[0] ?? "";
  const over = (name: string, keys = [old]) => lead(keys, [], [], fresh, [row(name).declaration]);
  expect(await over("by-both-keys")).toEqual([{ index: 20, old, successor: fresh }]);
  for (const name of ["by-the-old-key-alone", "by-strangers", "one-person-twice", "another-old-root"]) {
    expect(await over(name), name).toBeNull();
  }
  expect(await over("by-the-new-key-when-the-old-is-gone"), "nobody vouches for it").toBeNull();
  expect(await over("by-both-keys", [first.vkey]), "a stranger's key leads nowhere").toBeNull();
});
