import { expect, test } from "vitest";
import { type Maker, maker, statementOf } from "../../../../verifier/tests/maker";
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
