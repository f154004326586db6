/**
 * The two verifiers give the same verdict of the same files: those that the first one's side made, those made here, and
 * thousands of spoilt ones. The first is the program `lww-verify`, which `cargo build -p lww-audit` makes.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromBase64 } from "../bytes";
import { PackageFiles, verifyEvidence } from "../evidence";
import {
  followRotations,
  leafHash,
  readCheckpoint,
  readRotation,
  readVerifierKeys,
  Refusal,
  toBase64,
  toHex,
  utf8,
  verifyCheckpoint,
  verifyConsistency,
  verifyLog,
  verifyReceipt,
} from "../index";
import { rootOf } from "../merkle";
import { leafOf, orderOf } from "../seal";
import { ENTRY_EDITS } from "./edits";
import {
  checkpointOf,
  consistencyOf,
  entriesOf,
  type Maker,
  maker,
  personId,
  receiptOf,
  type Saying,
  statementOf,
} from "./maker";
import { random } from "./random";
import { vector, vectorJson, vectorPath, vectorText } from "./vectors";

const ORIGIN = "lww.example/acme/1";
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lww-agreement-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the first verifier and returns the class of each verdict, in order. */
function first(...args: string[]): string[] {
  return firstTold(...args).map((line) => line.class);
}

interface Told {
  class: string;
  file?: string | null;
  line?: number | null;
  entry?: number | null;
}

/** Runs the first verifier and returns what it says, a line each. */
function firstTold(...args: string[]): Told[] {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
  const built = ["debug", "release"].map((profile) => join(target, profile, "lww-verify"));
  const program = [process.env.LWW_VERIFY ?? "", ...built].find((path) => path !== "" && existsSync(path));
  if (program === undefined) throw new Error("lww-verify is missing: cargo build --locked -p lww-audit");
  const [command = "", ...rest] = args;
  const lines = run(program, [command, "--json", ...rest])
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Told);
}

/** What a program prints, whatever it exits with. */
function run(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", maxBuffer: 64 << 20, stdio: "pipe" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

async function second(receipt: Uint8Array<ArrayBuffer> | string, vkey: string): Promise<string> {
  const verdict = await verifyReceipt(receipt, vkey);
  return verdict.ok ? "valid" : verdict.reason;
}

async function compareReceipts(
  receipts: readonly (Uint8Array<ArrayBuffer> | string)[],
  vkey: string,
): Promise<void> {
  const names = await Promise.all(
    receipts.map(async (receipt, at) => {
      const name = join(folder, `${at}.tlog-proof`);
      await writeFile(name, receipt);
      return name;
    }),
  );
  const theirs = first("proof", "--vkey", vkey, ...names);
  const ours = await Promise.all(receipts.map((receipt) => second(receipt, vkey)));
  for (const [at, receipt] of receipts.entries()) {
    const shown = typeof receipt === "string" ? receipt : new TextDecoder().decode(receipt);
    expect(ours[at], shown).toBe(theirs[at]);
  }
}

test("of kept and of spoilt receipts", async () => {
  const [vkey, text] = [(await vectorText("vkey")).trim(), await vectorText("receipts/8.tlog-proof")];
  const next = random(7);
  const spoilt = Array.from({ length: 500 }, () => {
    const bytes = utf8(text);
    for (let count = next() % 3; count >= 0; count -= 1) {
      // Printable bytes get past the first checks more often than others.
      bytes[next() % bytes.length] = next() % 4 === 0 ? next() % 256 : 32 + (next() % 95);
    }
    return bytes;
  });
  const lines = text.split("\n");
  const withoutOne = lines.map((_, at) => lines.filter((_, other) => at !== other).join("\n"));
  const withOneTwice = lines.map((line, at) => [...lines.slice(0, at), line, ...lines.slice(at)].join("\n"));
  const kept = await Promise.all(
    ["0", "8", "9", "299", "8-of-9"].map((name) => vector(`receipts/${name}.tlog-proof`)),
  );
  await compareReceipts([...kept, ...spoilt, ...withoutOne, ...withOneTwice], vkey);
});

test("of receipts whose extra data was changed inside", async () => {
  const [vkey, text] = [(await vectorText("vkey")).trim(), await vectorText("receipts/8.tlog-proof")];
  const line = text.split("\n")[1] ?? "";
  const extra = fromBase64(line.slice("extra ".length), "test");
  const next = random(11);
  const changed = Array.from({ length: 500 }, () => {
    const bytes = extra.slice();
    const structural = utf8('{}[]",:\\ 0123456789abcdenu');
    const byte = next() % 2 === 0 ? next() % 256 : (structural[next() % structural.length] ?? 0);
    bytes[next() % bytes.length] = byte;
    return text.replace(line, `extra ${toBase64(bytes)}`);
  });
  await compareReceipts(changed, vkey);
});

test("of entries that are almost right, in a log that was signed with them", async () => {
  const key = await maker(ORIGIN);
  const rows = await vectorJson<{ bytes: string }[]>("entries.json");
  const entry = rows[8]?.bytes ?? "";
  const edited = [
    ...ENTRY_EDITS.map(([from, to]) => entry.replace(from, to)),
    ...["0", "2", "-1", "1.5", '"2"', "null", "1e3", "18446744073709551616"].map((v) =>
      entry.replace('"v":1}', `"v":${v}}`),
    ),
    entry.replace('"v":1}', '"v":2,"more":{"a":[1.5]}}  '),
    entry.replace('"urgent":true', `"urgent":${"[".repeat(7)}${"]".repeat(7)}`),
    entry.replace('"urgent":true', '"urgent":-9007199254740991'),
    entry.replace('"urgent":true', `"urgent":"${"x".repeat(16_000)}"`),
    entry.replace("lww.example/acme/1", "lww.example/acme/2"),
    entry.replace('"seq":8,"subject"', '"seq":9,"subject"'),
    entry,
  ];
  const receipts = edited.map((text, at) =>
    receiptOf(key, ORIGIN, [...Array(8).fill("x"), text, `${at}`], 8),
  );
  await compareReceipts(await Promise.all(receipts), key.vkey);
});

test("of a log that was made here", async () => {
  const key = await maker(ORIGIN);
  const entries = await entriesOf(ORIGIN, 40);
  for (const at of entries.keys()) {
    const receipt = await receiptOf(key, ORIGIN, entries, at);
    expect(await second(receipt, key.vkey)).toBe("valid");
    if (at % 13 === 0) await compareReceipts([receipt], key.vkey);
  }
  const files = await logFiles(key, entries);
  await compareLog(files, key.vkey, "valid");
  const swapped = [entries[1] ?? "", entries[0] ?? "", ...entries.slice(2)];
  await compareLog(await logFiles(key, swapped), key.vkey, "chain_break");
  const early = entries.map((entry, at) =>
    at === 39 ? entry.replace("2026-01-05T01", "2026-01-05T00") : entry,
  );
  await compareLog(await logFiles(key, early), key.vkey, "chain_break");
});

/** What the entry of a change holds. */
function changed(statement: string, previous: number | null): Saying {
  const detail = `{"previous":${previous},"purpose":"log","statement":${JSON.stringify(statement)}}`;
  return { kind: "key.rotated/1", detail };
}

test("of logs whose key changed, and of changes that the key before did not agree to", async () => {
  const [first, second, third, stranger] = (await Promise.all(
    Array.from({ length: 4 }, () => maker(ORIGIN)),
  )) as [Maker, Maker, Maker, Maker];
  type Leaves = Parameters<NonNullable<Parameters<typeof entriesOf>[2]>>[1];
  type Say = (leaves: Leaves) => Promise<Saying>;
  const change =
    (old: Maker, successor: Maker, size: number, previous: number | null): Say =>
    async (leaves) =>
      changed(await statementOf(old, successor, ORIGIN, leaves.slice(0, size)), previous);
  const edited =
    (say: Say, edit: (statement: string) => string): Say =>
    async (leaves) => {
      const { kind, detail } = await say(leaves);
      const members = JSON.parse(detail) as { previous: number | null; statement: string };
      return { kind, detail: changed(edit(members.statement), members.previous).detail };
    };
  const opening: Saying = { kind: "generation.opened/1", detail: `{"key":"${first.vkey}"}` };
  const [one, two] = [change(first, second, 6, null), change(second, third, 8, 6)];
  const nothing: Say = async () => ({ kind: "message.sent/1", detail: "{}" });
  const other = async (leaves: Leaves) => [await leafHash(utf8("other")), ...leaves.slice(1)];
  const later = async (leaves: Leaves) => [...leaves, await leafHash(utf8("later"))];
  const overTree =
    (tree: (leaves: Leaves) => Promise<Leaves>): Say =>
    async (leaves) =>
      changed(await statementOf(first, second, ORIGIN, await tree(leaves)), null);
  const rotated = (detail: string): Saying => ({ kind: "key.rotated/1", detail });
  for (const [name, expected, six, nine] of [
    ["two changes", "valid", one, two],
    ["one change", "valid", one, nothing],
    ["no statement", "malformed", async () => rotated('{"purpose":"log"}'), nothing],
    ["another purpose", "valid", async () => rotated('{"purpose":"seal"}'), nothing],
    ["a stranger's", "chain_break", change(stranger, second, 6, null), nothing],
    ["the first key's again", "chain_break", one, change(first, third, 8, 6)],
    ["another tree", "chain_break", overTree(other), nothing],
    ["a tree that is not there yet", "chain_break", overTree(later), nothing],
    ["nothing before", "chain_break", one, change(second, third, 8, null)],
    ["another before", "chain_break", one, change(second, third, 8, 5)],
    ["a negative before", "chain_break", one, change(second, third, 8, -6)],
    ["a negative before the first", "valid", change(first, second, 6, -1), nothing],
    ["by the old key alone", "bad_signature", edited(one, (text) => text.replace(/[^\n]*\n$/, "")), nothing],
    [
      "another successor",
      "bad_signature",
      edited(one, (text) => text.replace(second.vkey, third.vkey)),
      nothing,
    ],
    ["a later version", "unknown_version", edited(one, (text) => text.replace("@v1", "@v2")), nothing],
    ["no note", "malformed", edited(one, () => "words"), nothing],
  ] as const) {
    const entries = await entriesOf(ORIGIN, 12, async (seq, leaves) => {
      if (seq === 0) return opening;
      return seq === 6 ? six(leaves) : seq === 9 ? nine(leaves) : undefined;
    });
    await compareLog(await logFiles(third, entries), third.vkey, expected, name);
  }
  const unreadable = { ...opening, detail: '{"key":"words"}' };
  const entries = await entriesOf(ORIGIN, 2, async (seq) => (seq === 0 ? unreadable : undefined));
  await compareLog(await logFiles(first, entries), first.vkey, "malformed");
});

test("of seals that say where the chains ended, and of those that say otherwise", async () => {
  const key = await maker(ORIGIN);
  const PERSONS = [2, 0, 1, 2, 3, 0, 2, 0, 1, 4];
  const [END, SEAL] = [PERSONS.length, PERSONS.length + 2];
  type Leaves = Parameters<NonNullable<Parameters<typeof entriesOf>[2]>>[1];
  type Ended = Parameters<typeof leafOf>[0];
  /** The seal of the first `upto` entries, by their persons, whatever the second verifier makes of it. */
  const sealed = async (leaves: Leaves, upto: number, edit: (ends: Ended[]) => Ended[] = (ends) => ends) => {
    const ends = (["conversation", "subject"] as const).flatMap((of) =>
      [0, 1, 2, 3, 4].flatMap((person) => {
        const seqs = PERSONS.flatMap((one, seq) => (one === person && seq < upto ? seq : []));
        const seq = seqs.at(-1);
        if (seq === undefined) return [];
        const id = personId(of === "conversation" ? "0c" : "05", person);
        return { of, id, n: seqs.length - 1, seq, leaf: toHex(leaves[seq] ?? new Uint8Array()) };
      }),
    );
    const all = edit(ends.sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1)));
    return { chains: all.length, root: toHex(await rootOf(await Promise.all(all.map(leafOf)))), upto };
  };
  const sorted = JSON.stringify;
  type Say = (leaves: Leaves) => Promise<string>;
  const rows: [name: string, expected: string, say: Say][] = [
    ["all", "valid", async (leaves) => sorted(await sealed(leaves, END))],
    ["as of earlier, with entries since", "valid", async (leaves) => sorted(await sealed(leaves, 5))],
    ["of nothing", "valid", async (leaves) => sorted(await sealed(leaves, 0))],
    ["up to itself", "valid", async (leaves) => sorted({ ...(await sealed(leaves, END)), upto: SEAL })],
    [
      "a chain left out",
      "chain_break",
      async (leaves) => sorted(await sealed(leaves, END, (e) => e.slice(1))),
    ],
    [
      "an end that is not the last",
      "chain_break",
      async (leaves) =>
        sorted(await sealed(leaves, END, ([one, ...e]) => (one ? [{ ...one, n: 0 }, ...e] : e))),
    ],
    ["unsorted", "chain_break", async (leaves) => sorted(await sealed(leaves, END, (e) => e.reverse()))],
    ["of another size", "chain_break", async (leaves) => sorted({ ...(await sealed(leaves, END)), upto: 5 })],
    [
      "of what is to come",
      "chain_break",
      async (leaves) => sorted({ ...(await sealed(leaves, END)), upto: 13 }),
    ],
    ["another count", "chain_break", async (leaves) => sorted({ ...(await sealed(leaves, END)), chains: 9 })],
    [
      "one member too few",
      "malformed",
      async (leaves) => sorted({ ...(await sealed(leaves, END)), upto: undefined }),
    ],
    ["one too many", "malformed", async (leaves) => sorted({ ...(await sealed(leaves, END)), uptoo: 1 })],
    [
      "a root that is none",
      "malformed",
      async (leaves) => sorted({ ...(await sealed(leaves, END)), root: "00" }),
    ],
    [
      "a count below nothing",
      "malformed",
      async (leaves) => sorted({ ...(await sealed(leaves, END)), chains: -1 }),
    ],
    ["nothing", "malformed", async () => "{}"],
  ];
  for (const [name, expected, say] of rows) {
    const entries = await entriesOf(ORIGIN, SEAL + 2, async (seq, leaves) => {
      const person = PERSONS[seq];
      if (person !== undefined) return { kind: "message.sent/1", detail: "{}", person };
      if (seq === SEAL) return { kind: "chains.sealed/1", detail: await say(leaves), person: null };
      return { kind: "policy.activated/2", detail: "{}", person: null };
    });
    await compareLog(await logFiles(key, entries), key.vkey, expected, name);
  }
});

test("of statements that lead from one key to the next", async () => {
  type Row = { name: string; trusted: string[]; statements: string[]; class: string };
  const vkey = (await vectorText("vkey")).trim();
  // The program wants a key, so one who trusts nobody is not asked of it.
  const rows = (await vectorJson<Row[]>("rotations.json")).filter(({ trusted }) => trusted.length > 0);
  for (const { name, trusted, statements } of rows) {
    const args = trusted.flatMap((key) => ["--vkey", key]);
    for (const [at, statement] of statements.entries()) {
      const file = join(folder, `${at}.rotation`);
      await writeFile(file, statement);
      args.push("--rotation", file);
    }
    const [theirs] = first("proof", ...args, vectorPath("receipts/8.tlog-proof"));
    const followed = async () => {
      const read = await Promise.all(statements.map((text) => readRotation(utf8(text))));
      return followRotations(await readVerifierKeys(trusted.join("\n")), read);
    };
    const ours = await followed().then(
      () => (trusted.includes(vkey) ? "valid" : "bad_signature"),
      (error: unknown) => (error instanceof Refusal ? error.reason : Promise.reject(error as Error)),
    );
    expect(ours, name).toBe(theirs);
  }
});

test("of the kept log, whole, spoilt and with a file missing", async () => {
  const vkey = (await vectorText("vkey")).trim();
  const names = [
    "checkpoint",
    "tile/0/000",
    "tile/0/001.p/44",
    "tile/1/000.p/1",
    "tile/entries/000",
    "tile/entries/001.p/44",
  ];
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, await vector(`tiles/${name}`)] as const)),
  );
  const next = random(13);
  await compareLog(files, vkey, "valid");
  for (const name of names) {
    const without = new Map(files);
    without.delete(name);
    // A missing checkpoint is, to a program that was given a folder, a file that can't be read.
    if (name !== "checkpoint") await compareLog(without, vkey, "gap");
    for (let round = 0; round < 6; round += 1) {
      const bytes = files.get(name)?.slice() ?? new Uint8Array();
      const at = next() % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (next() % 8));
      await compareLog(new Map(files).set(name, bytes), vkey);
    }
  }
});

test("of two checkpoints, whether one is the other's beginning", async () => {
  const key = await maker(ORIGIN);
  const leaves = await Promise.all((await entriesOf(ORIGIN, 21)).map((entry) => leafHash(utf8(entry))));
  const forged = [await leafHash(utf8("forged")), ...leaves.slice(1)];
  for (const [older, newer, path] of [
    [leaves.slice(0, 8), leaves, await consistencyOf(8, leaves)],
    [leaves.slice(0, 13), leaves, await consistencyOf(13, leaves)],
    [leaves, leaves, []],
    [leaves, leaves.slice(0, 20), []],
    [leaves, forged, []],
    [leaves.slice(0, 13), forged, await consistencyOf(13, forged)],
    [leaves.slice(0, 13), leaves, await consistencyOf(12, leaves)],
    [leaves.slice(0, 13), leaves, []],
    [leaves.slice(0, 16), leaves, [...(await consistencyOf(16, leaves)), forged[0] ?? new Uint8Array(32)]],
    [leaves, leaves, [forged[0] ?? new Uint8Array(32)]],
  ] as const) {
    const notes = [await checkpointOf(key, ORIGIN, older), await checkpointOf(key, ORIGIN, newer)];
    const [old, now, proof, evidence] = ["old", "now", "proof", "evidence"].map((name) => join(folder, name));
    await writeFile(old ?? "", notes[0] ?? "");
    await writeFile(now ?? "", notes[1] ?? "");
    await writeFile(proof ?? "", path.map((hash) => `${toBase64(hash)}\n`).join(""));
    await rm(evidence ?? "", { force: true });
    const args = [
      "--vkey",
      key.vkey,
      "--proof",
      proof ?? "",
      "--evidence",
      evidence ?? "",
      old ?? "",
      now ?? "",
    ];
    const theirs = first("consistency", ...args);
    const keys = await readVerifierKeys(key.vkey);
    const [one, other] = notes.map((note) => readCheckpoint(utf8(note)));
    if (one === undefined || other === undefined) throw new Error("two checkpoints");
    await verifyCheckpoint(one, keys);
    await verifyCheckpoint(other, keys);
    const ours = await verifyConsistency(one, other, path).then(
      () => "valid",
      (error: unknown) => (error instanceof Refusal ? error.reason : Promise.reject(error as Error)),
    );
    expect([ours]).toEqual(theirs);
  }
});

test("of the kept evidence package, whole, and spoilt in any of its files, down to line and entry", async () => {
  const vkey = (await vectorText("vkey")).trim();
  const names = await readdir(vectorPath("package"), { recursive: true });
  const isFile = await Promise.all(
    names.map(async (name) => (await stat(vectorPath(`package/${name}`))).isFile()),
  );
  const files: Files = new Map();
  for (const name of names.filter((_, at) => isFile[at])) files.set(name, await vector(`package/${name}`));
  expect(await compareEvidence(files, vkey)).toBe("valid");
  const next = random(17);
  for (const [name, bytes] of files) {
    const lines = new TextDecoder().decode(bytes).split(/(?<=\n)/);
    for (let round = 0; round < 12; round += 1) {
      const flipped = bytes.slice();
      const at = next() % bytes.length;
      flipped[at] = round % 2 === 0 ? (flipped[at] ?? 0) ^ (1 << (next() % 8)) : 32 + (next() % 95);
      await compareEvidence(new Map(files).set(name, flipped), vkey);
    }
    for (let round = 0; round < 8; round += 1) {
      const at = next() % lines.length;
      const [one, other] = [lines[at] ?? "", lines[(at + 1) % lines.length] ?? ""];
      const edits = [[], [one, one], [other, one], [one.slice(0, -1)]];
      const edited = [...lines.slice(0, at), ...(edits[round % 4] ?? []), ...lines.slice(at + 1)];
      await compareEvidence(new Map(files).set(name, utf8(edited.join(""))), vkey);
    }
  }
});

async function compareEvidence(files: Files, vkey: string): Promise<string> {
  const home = await writeFiles(files);
  const [theirs] = firstTold("export", "--vkey", vkey, home);
  const blobs = new Map([...files].map(([name, bytes]) => [name, new Blob([bytes])] as const));
  const ours = await verifyEvidence(new PackageFiles(blobs), vkey);
  if (ours.ok) expect(theirs?.class).toBe("valid");
  else {
    const { reason, file, line, entry } = ours;
    const told = {
      class: theirs?.class,
      file: theirs?.file,
      line: theirs?.line ?? null,
      entry: theirs?.entry ?? null,
    };
    expect({ class: reason, file, line, entry }, JSON.stringify([ours, theirs])).toEqual(told);
  }
  return theirs?.class ?? "";
}

type Files = Map<string, Uint8Array<ArrayBuffer>>;

async function logFiles(key: Awaited<ReturnType<typeof maker>>, entries: readonly string[]): Promise<Files> {
  const leaves = await Promise.all(entries.map((entry) => leafHash(utf8(entry))));
  const bundle = entries.flatMap((entry) => {
    const bytes = utf8(entry);
    return [bytes.length >> 8, bytes.length & 255, ...bytes];
  });
  return new Map([
    ["checkpoint", utf8(await checkpointOf(key, ORIGIN, leaves))],
    [`tile/0/000.p/${entries.length}`, Uint8Array.from(leaves.flatMap((leaf) => [...leaf]))],
    [`tile/entries/000.p/${entries.length}`, Uint8Array.from(bundle)],
  ]);
}

async function compareLog(files: Files, vkey: string, expected?: string, name = ""): Promise<void> {
  const home = await writeFiles(files);
  const theirs = first("fsck", "--vkey", vkey, home);
  const verdict = await verifyLog(async (name) => files.get(name) ?? null, vkey);
  const ours = verdict.ok ? "valid" : verdict.reason;
  expect([ours], name).toEqual(theirs);
  if (expected !== undefined) expect(ours, name).toBe(expected);
}

async function writeFiles(files: Files): Promise<string> {
  const home = await mkdtemp(join(folder, "files-"));
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), bytes);
  }
  return home;
}
