import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { type Item, PackageFiles, verifyEvidence } from "../evidence";
import { Generations, readDeclaration } from "../generation";
import { Refusal, utf8, verifyReceipt } from "../index";
import { readTrust } from "../trust";
import { vectorJson, vectorPath, vectorText } from "./vectors";

interface Row {
  name: string;
  trusted: string[];
  declaration: string;
  class: string;
}

interface ReceiptRow {
  name: string;
  trusted: string[];
  declarations: string[];
  receipt: string;
  class: string;
}

const kept = await vectorJson<{ declarations: Row[]; receipts: ReceiptRow[] }>("generations.json");
const good = kept.declarations[0] as Row;
const vkey = await vectorText("vkey");

async function judged(act: () => Promise<string>): Promise<string> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

test("the kept declarations are what the first verifier says, and the spoilt ones are refused", async () => {
  expect(kept.declarations.length).toBeGreaterThan(25);
  for (const { name, trusted, declaration, class: class_ } of kept.declarations) {
    // Nobody's key is no trust at all, which the reader of keys refuses by itself.
    if (trusted.length === 0) continue;
    // What does not begin like a declaration is read as whatever it looks like.
    const isOne = declaration.startsWith("lww-generation@");
    const found = await judged(async () => {
      if (isOne) await readTrust([...trusted, declaration].join("\n"));
      else await readDeclaration(utf8(declaration));
      return "valid";
    });
    expect(found, name).toBe(class_);
  }
});

test("receipts before, in and behind a gap are judged as the first verifier does", async () => {
  expect(kept.receipts.length).toBeGreaterThan(10);
  for (const { name, trusted, declarations, receipt, class: class_ } of kept.receipts) {
    const trust = await readTrust([...trusted, ...declarations].join("\n"));
    const { logs, generations } = trust;
    const verdict = await verifyReceipt(receipt, [...logs, ...generations.oldKeys()], generations);
    const found = verdict.ok ? (verdict.lost === undefined ? "valid" : "declared_gap") : verdict.reason;
    expect(found, name).toBe(class_);
  }
});

test("a declaration leads from the old key to the new, and tells what is lost and by whose word", async () => {
  const trust = await readTrust(`${good.declaration}\n${vkey}`);
  expect(trust.successors.map(({ name }) => name)).toEqual(["lww.example/acme/2"]);
  expect(trust.generations.all).toHaveLength(1);
  expect(trust.generations.all[0]).toMatchObject({
    kept: { size: 20 },
    lost: { size: 30 },
    by: ["0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e01", "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e02"],
    tenant: "acme",
    reason: "database_lost",
  });
  const { generations } = trust;
  const [first, second] = ["lww.example/acme/1", "lww.example/acme/2"];
  expect([19, 20].map((index) => generations.logAt(second ?? "", index))).toEqual([first, second]);
  expect([19, 20].map((index) => generations.lost(first ?? "", index)?.origin)).toEqual([undefined, second]);
  expect(() => Generations.none.demandAll(second ?? "")).toThrow(Refusal);
});

test("a changed byte of a declaration is refused, whichever it is", async () => {
  const bytes = utf8(good.declaration);
  for (const at of bytes.keys()) {
    const bad = bytes.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    const found = await judged(async () => {
      const declared = await readDeclaration(bad);
      const { logs } = await readTrust(vkey);
      return (await Generations.vouched([declared], logs)).all.length === 1 ? "valid" : "none";
    });
    expect(found, `byte ${at}`).not.toBe("valid");
  }
});

async function golden(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of await readdir(vectorPath("gap-package"))) {
    files.set(name, await readFile(vectorPath(`gap-package/${name}`), "utf8"));
  }
  return files;
}

async function verified(texts: ReadonlyMap<string, string>, trust: string, items: Item[] = []) {
  const files = new PackageFiles(new Map([...texts].map(([name, text]) => [name, new Blob([text])])));
  return verifyEvidence(files, trust, { item: (item) => items.push(item) });
}

test("a package over a gap says so, and one that hides or bends it is refused", async () => {
  const trust = `${vkey}\n${good.declaration}`;
  const items: Item[] = [];
  const verdict = await verified(await golden(), trust, items);
  if (!verdict.ok) throw new Error(JSON.stringify(verdict));
  expect(verdict.report.gaps).toHaveLength(1);
  expect(items.map(({ entry }) => entry.log.at(-1))).toContain("1");
  expect(items.map(({ entry }) => entry.log.at(-1))).toContain("2");
  const texts = await golden();
  for (const [from, to, reason] of [
    ["database_lost", "put_back", "bad_signature"],
    ["lost 30", "lost 31", "bad_signature"],
    ["0e01 ", "0e02 ", "false_declaration"],
    ["acme/2\\nopened", "acme/3\\nopened", "malformed"],
  ] as const) {
    const file = texts.get("generations.jsonl") ?? "";
    const bent = file.replace(from, to);
    expect(bent, from).not.toBe(file);
    const found = await verified(new Map(texts).set("generations.jsonl", bent), trust);
    expect(found, from).toMatchObject({ ok: false, file: "generations.jsonl", reason });
  }
});
