/** Which keys a customer's receipts are good by, when the log's key or its generation is another one than they knew. */
import { expect, test } from "vitest";
import { vectorJson, vectorText } from "../../verifier/tests/vectors";
import { check, follow } from "../src/receipts";

interface Row {
  name: string;
  trusted: string[];
  declaration: string;
  class: string;
}

interface ReceiptRow {
  name: string;
  receipt: string;
  declarations: string[];
  class: string;
}

const kept = await vectorJson<{ declarations: Row[]; receipts: ReceiptRow[] }>("generations.json");
const first = (await vectorText("vkey")).trim();
const row = (name: string) => kept.declarations.find((one) => one.name === name) as Row;
const good = row("by-both-keys").declaration;
const second =
  good
    .split("\n")
    .find((line) => line.startsWith("new "))
    ?.slice(4) ?? "";
const told = (...generations: string[]) => ({ vkey: second, rotations: [], generations });
const rotations =
  await vectorJson<{ name: string; trusted: string[]; statements: string[]; newest: string }[]>(
    "rotations.json",
  );

test("whoever knows the key from before a gap is led to the one behind it by the declaration alone", async () => {
  const led = await follow(first, told(good));
  expect(led?.vkey.split("\n").at(-1)).toBe(second);
  expect(led?.vkey).toContain(first);
  expect(led?.generations.all).toHaveLength(1);
  // And whoever comes after it, to what was signed before.
  expect((await follow(second, told(good)))?.vkey.split("\n")).toEqual([first, second]);
});

test("no declaration that does not hold leads anywhere, nor does none", async () => {
  for (const generations of [[], [""], ["words"], [good, "words"]]) {
    expect(await follow(first, told(...generations)), String(generations)).toBeUndefined();
  }
  const spoilt = kept.declarations.filter((one) => one.class !== "valid");
  expect(spoilt.length).toBeGreaterThan(20);
  for (const { name, declaration } of spoilt) {
    // Those are spoilt by whom one trusts, not in themselves.
    if (declaration === good) continue;
    expect(await follow(first, told(declaration)), name).toBeUndefined();
  }
  // A gap that the old key did not sign: the old key leads nowhere, and who pins the new one needs nobody's word.
  const alone = row("by-the-new-key-when-the-old-is-gone").declaration;
  expect(await follow(first, told(alone))).toBeUndefined();
  expect((await follow(second, told(alone)))?.vkey).toBe(second);
  expect((await follow(`${first}\n${second}`, told(alone)))?.vkey).toBe(`${first}\n${second}`);
});

test("receipts before, in and behind a gap are judged by what was followed, and a lost one says when that was declared", async () => {
  const led = await follow(first, told(good));
  const seen = new Set<string>();
  for (const { name, receipt, declarations, class: class_ } of kept.receipts) {
    if (declarations[0] !== good) continue;
    const { ok, lost, reason } = await check(receipt, led ?? { vkey: "" });
    const found = !ok ? reason : lost === undefined ? "valid" : "declared_gap";
    expect(found, name).toBe(class_);
    if (lost !== undefined) expect(good).toContain(`\nopened ${lost}\n`);
    seen.add(class_);
  }
  expect([...seen].sort()).toEqual(
    ["declared_gap", "fork", "false_declaration", "other_log", "valid"].sort(),
  );
});

test("changes of a key within a generation are followed as before", async () => {
  for (const { name, trusted, statements, newest } of rotations) {
    if (trusted.length === 0 || statements.length === 0) continue;
    const known = trusted.join("\n");
    const vkey = newest ?? row("by-both-keys").trusted[0] ?? "";
    const led = await follow(known, { vkey: newest ?? second, rotations: statements, generations: [] });
    if (newest === null) expect(led, name).toBeUndefined();
    else expect(led?.vkey, name).toContain(vkey);
  }
});
