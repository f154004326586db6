import { readdir } from "node:fs/promises";
import { ed25519 } from "@noble/curves/ed25519.js";
import { expect, test } from "vitest";
import { byNoble } from "../../verify/ed25519";
import { verifyEd25519 } from "../ed25519";
import { type EvidenceVerdict, type Item, PackageFiles, readTar, verifyEvidence } from "../evidence";
import { readCheckpoint, readReceipt, Refusal, utf8, verifyCheckpoint } from "../index";
import { readTrust, verifyQuorum } from "../trust";
import { maker } from "./maker";
import { tarOf } from "./tar";
import { vector, vectorJson, vectorPath, vectorText } from "./vectors";

const vkey = await vectorText("vkey");
const golden = new Map<string, string>();
for (const entry of await readdir(vectorPath("package"), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const name = `${entry.parentPath}/${entry.name}`.slice(vectorPath("package").length).replace(/^\//, "");
  golden.set(name, await vectorText(`package/${name}`));
}

function files(texts: ReadonlyMap<string, string>): PackageFiles {
  return new PackageFiles(new Map([...texts].map(([name, text]) => [name, new Blob([text])])));
}

/** The golden package with a file changed. */
function edited(name: string, edit: (text: string) => string): PackageFiles {
  const before = golden.get(name) ?? "";
  const after = edit(before);
  expect(after, name).not.toBe(before);
  return files(new Map(golden).set(name, after));
}

function without(lines: readonly string[], at: number): string[] {
  return lines.filter((_, other) => other !== at);
}

async function refused(package_: PackageFiles): Promise<Extract<EvidenceVerdict, { ok: false }>> {
  const verdict = await verifyEvidence(package_, vkey);
  if (verdict.ok) throw new Error("not refused");
  return verdict;
}

test("the kept package is valid, says what it proves, and shows its texts", async () => {
  const items: Item[] = [];
  const verdict = await verifyEvidence(files(golden), vkey, { item: (item) => items.push(item) });
  if (!verdict.ok) throw new Error(JSON.stringify(verdict));
  const { report } = verdict;
  expect(report.manifest.scopes).toEqual([
    { of: "conversation", id: "0c0c0c0c0c0c0c0c0000000000000003" },
    { of: "range", from: "2026-01-05T01:00:12.345670Z", to: "2026-01-05T01:00:14.814804Z" },
  ]);
  expect(report).toMatchObject({
    seal: 30,
    signer: "lww.example/acme/1",
    cosigned: [],
    checkpoint: { size: 40 },
  });
  expect(report.entries).toBe(items.length);
  expect([...report.staff]).toEqual([["0a0a0a0a0a0a0a0a0000000000000003", "李雷"]]);
  expect([...report.policies.values()]).toEqual([{ id: "cn-retail", version: 14, text: true }]);
  expect(items.map(({ entry }) => entry.seq)).toEqual(
    [...items.map(({ entry }) => entry.seq)].sort((a, b) => a - b),
  );
  expect(items.flatMap(({ texts }) => texts.map(({ text }) => text)).join("\n")).toContain("****0017");
});

test("each kept edit is refused with its class, file and entry", async () => {
  type Row = {
    class: string;
    entry: number | null;
    file: string;
    from: string;
    refused_in: string;
    to: string;
  };
  const rows = await vectorJson<Row[]>("package.json");
  expect(rows.length).toBeGreaterThan(5);
  for (const row of rows) {
    const verdict = await refused(edited(row.file, (text) => text.replace(row.from, () => row.to)));
    const { reason, file, entry } = verdict;
    expect({ reason, file, entry }, `${row.from} in ${row.file}`).toEqual({
      reason: row.class,
      file: row.refused_in,
      entry: row.entry,
    });
  }
});

test("a changed character of any line is refused, and named by its line and entry", async () => {
  const lines = (golden.get("entries.jsonl") ?? "").trimEnd().split("\n");
  for (const [at, line] of lines.entries()) {
    const other = line.replace('\\"tenant\\":\\"acme\\"', '\\"tenant\\":\\"acmf\\"');
    const seq = Number(/.*\\"seq\\":([0-9]+),/.exec(line)?.[1]);
    const verdict = await refused(edited("entries.jsonl", (text) => text.replace(line, () => other)));
    expect(verdict).toMatchObject({ reason: "bad_proof", line: at + 1, entry: seq, field: "entry or path" });
  }
});

test("an entry left out, put in twice or moved is refused, and what is missing is told", async () => {
  const drop = (at: number) => edited("entries.jsonl", (text) => without(text.split("\n"), at).join("\n"));
  const first = await refused(drop(0));
  expect(first).toMatchObject({
    reason: "gap",
    file: "entries.jsonl",
    missing: { of: "conversation", first: 0, last: 0, lastEntry: 3 },
  });
  const count = (golden.get("entries.jsonl") ?? "").trimEnd().split("\n").length;
  for (let at = 0; at < count; at += 1) expect((await refused(drop(at))).reason, `${at}`).toBe("gap");
  const twice = edited("entries.jsonl", (text) => text.replace(/^.*\n/, "$&$&"));
  expect(await refused(twice)).toMatchObject({ reason: "chain_break", line: 2, entry: 3, field: "seq" });
  const moved = edited("entries.jsonl", (text) => text.replace(/^(.*\n)(.*\n)/, "$2$1"));
  expect((await refused(moved)).reason).toMatch(/gap|chain_break/);
});

test("a context without its tail, its seal or a path is refused", async () => {
  const context = (edit: (lines: string[]) => string[]) =>
    edited("context.jsonl", (text) => edit(text.trimEnd().split("\n")).join("\n") + "\n");
  expect((await refused(context((lines) => lines.slice(0, -1)))).reason).toBe("malformed");
  const seal = (lines: string[]) => lines.findIndex((line) => line.includes("chains.sealed/1"));
  expect((await refused(context((lines) => without(lines, seal(lines))))).reason).toMatch(/malformed|gap/);
  expect((await refused(context((lines) => lines.slice(0, seal(lines))))).reason).toMatch(/malformed|gap/);
  const opened = edited("context.jsonl", (text) =>
    text.replace('"opened":[]', `"opened":[{"of":"masked","salt":"${"A".repeat(43)}="}]`),
  );
  expect(await refused(opened)).toMatchObject({ reason: "malformed", file: "context.jsonl" });
});

test("a file that is missing, added or too long, and a last line without its end, are refused by name", async () => {
  for (const name of golden.keys()) {
    const without = new Map(golden);
    without.delete(name);
    expect(await refused(files(without)), name).toMatchObject({ reason: "gap", file: name });
  }
  const added = files(new Map(golden).set(".DS_Store", "x"));
  expect(await refused(added)).toMatchObject({ reason: "malformed", file: ".DS_Store" });
  const endless = edited("entries.jsonl", (text) => `${text}${"x".repeat(1_048_577)}`);
  expect(await refused(endless)).toMatchObject({ reason: "malformed", file: "entries.jsonl" });
  const cut = edited("context.jsonl", (text) => text.slice(0, -1));
  expect(await refused(cut)).toMatchObject({ reason: "malformed", file: "context.jsonl" });
});

test("another key of the same name, one of another log, and none are refused", async () => {
  for (const name of ["lww.example/acme/1", "lww.example/acme/2"]) {
    const verdict = await verifyEvidence(files(golden), (await maker(name)).vkey);
    expect(verdict).toMatchObject({ ok: false, reason: "bad_signature", file: "checkpoint" });
  }
  const other = "lww.example/acme/1+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  for (const key of ["", "x", other]) {
    expect(await verifyEvidence(files(golden), key)).toMatchObject({
      ok: false,
      reason: "malformed",
      file: "vkey",
    });
  }
});

test("a tar is as good as the folder, and one that is spoilt is refused", async () => {
  const tar = tarOf(golden);
  expect(await verifyEvidence(await readTar(new Blob([tar])), vkey)).toMatchObject({ ok: true });
  const header = tar.slice();
  header[0] = (header[0] ?? 0) ^ 1;
  const folder = tar.slice();
  folder[156] = "5".charCodeAt(0);
  const spoilt = [
    header,
    folder,
    tar.slice(0, 700),
    tar.slice(0, 100),
    utf8("no tar"),
    tarOf(new Map([["a", "b"]])),
  ];
  for (const bytes of spoilt) {
    await expect(readTar(new Blob([bytes]))).rejects.toMatchObject({ reason: "malformed" });
  }
});

test("what a policy says of checkpoints and receipts is what the vectors say", async () => {
  type Row = { class: string; file: string; read_as: "checkpoint" | "receipt" | "policy" };
  const policy = await vectorText("witnessed/policy");
  const judge = async ({ file, read_as }: Row) => {
    if (read_as === "policy") return readTrust(await vectorText(file));
    const trust = await readTrust(policy);
    const bytes = await vector(file);
    const checkpoint = read_as === "receipt" ? readReceipt(bytes).checkpoint : readCheckpoint(bytes);
    await verifyCheckpoint(checkpoint, trust.logs);
    return verifyQuorum(checkpoint, trust);
  };
  for (const row of await vectorJson<Row[]>("witnessed.json")) {
    const outcome = await judge(row).then(
      () => "valid",
      (error: unknown) => (error instanceof Refusal ? error.reason : Promise.reject(error as Error)),
    );
    expect(outcome, row.file).toBe(row.class);
  }
});

test("a package without cosignatures lacks the quorum of a policy that asks for one", async () => {
  const policy = await vectorText("witnessed/policy");
  expect(await verifyEvidence(files(golden), policy)).toMatchObject({
    reason: "no_quorum",
    file: "checkpoint",
  });
  const content = policy.replace("quorum bank", "quorum none");
  expect(await verifyEvidence(files(golden), content)).toMatchObject({ ok: true });
});

test("the fall-back agrees with the platform's Ed25519", async () => {
  const { secretKey, publicKey } = ed25519.keygen(new Uint8Array(32).fill(7));
  const message = utf8("a message");
  const signature = ed25519.sign(message, secretKey);
  const [key, right] = [new Uint8Array(publicKey), new Uint8Array(signature)];
  for (const verify of [verifyEd25519, byNoble]) {
    expect(await verify(key, right, message)).toBe(true);
    expect(await verify(key, right, utf8("a massage"))).toBe(false);
    for (const at of [0, 31, 32, 63]) {
      const changed = right.map((byte, other) => (other === at ? byte ^ 1 : byte));
      expect(await verify(key, changed, message), `byte ${at}`).toBe(false);
    }
    expect(await verify(new Uint8Array(32).fill(255), right, message)).toBe(false);
    expect(await verify(key, right.slice(1), message)).toBe(false);
  }
});
