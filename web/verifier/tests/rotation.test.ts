import { expect, test } from "vitest";
import {
  followRotations,
  readRotation,
  readVerifierKeys,
  Refusal,
  type Rotation,
  utf8,
  type VerifierKey,
  verifyRotation,
} from "../index";
import { maker, type Maker, statementOf } from "./maker";
import { vectorJson } from "./vectors";

const ORIGIN = "lww.example/acme/1";

interface Row {
  name: string;
  trusted: string[];
  statements: string[];
  class: string;
  newest: string | null;
}

async function keysOf(lines: readonly string[]): Promise<VerifierKey[]> {
  return lines.length === 0 ? [] : readVerifierKeys(lines.join("\n"));
}

async function follow(trusted: readonly string[], statements: readonly string[]): Promise<VerifierKey[]> {
  const read = await Promise.all(statements.map((text) => readRotation(utf8(text))));
  return followRotations(await keysOf(trusted), read);
}

async function refusal(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return "valid";
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

test("the kept statements lead where the first verifier says, and the spoilt ones nowhere", async () => {
  const rows = await vectorJson<Row[]>("rotations.json");
  expect(rows.length).toBeGreaterThan(30);
  for (const { name, trusted, statements, class: kept, newest } of rows) {
    expect(await refusal(() => follow(trusted, statements)), name).toBe(kept);
    if (newest === null) continue;
    const keys = await follow(trusted, statements);
    expect(keys.at(-1), name).toEqual((await keysOf([newest]))[0]);
    expect(keys.slice(0, trusted.length), "whom one trusted before stays trusted").toEqual(
      await keysOf(trusted),
    );
  }
});

const line = (count: number) => Promise.all(Array.from({ length: count }, () => maker(ORIGIN)));

test("a successor is believed by the old key's word and its own", async () => {
  const [first, second, third] = (await line(3)) as [Maker, Maker, Maker];
  const statements = [await statementOf(first, second), await statementOf(second, third)];
  const keys = await follow([first.vkey], statements);
  expect(keys).toEqual(await keysOf([first.vkey, second.vkey, third.vkey]));
  const rotation = await readRotation(utf8(statements[0] ?? ""));
  expect(rotation).toMatchObject({ origin: ORIGIN, tree: { size: 9 } });
  expect(await verifyRotation(rotation, await keysOf([third.vkey, first.vkey]))).toEqual(keys[1]);
});

test("a changed byte is refused, whichever it is", async () => {
  const [first, second] = (await line(2)) as [Maker, Maker];
  const good = utf8(await statementOf(first, second));
  const trusted = await keysOf([first.vkey]);
  for (const at of good.keys()) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    const class_ = await refusal(async () => verifyRotation(await readRotation(bad), trusted));
    expect(class_, `byte ${at}`).not.toBe("valid");
  }
});

test("whoever follows statements stops somewhere", async () => {
  const [first, second] = (await line(2)) as [Maker, Maker];
  const rotation = await readRotation(utf8(await statementOf(first, second)));
  const trusted = await keysOf([first.vkey]);
  const many = (count: number): Rotation[] => Array<Rotation>(count).fill(rotation);
  expect(await refusal(() => followRotations(trusted, many(1024)))).toBe("valid");
  expect(await refusal(() => followRotations(trusted, many(1025)))).toBe("malformed");
});
