/**
 * Verifies an evidence package and names the first thing that is wrong: file, line, entry and field. The order of the checks is
 * that of audit/FORMAT.md, "Evidence packages", so that both verifiers name the same place.
 *
 * One pass in constant memory; nothing of the package is believed before all of it was verified.
 */
import { type Bytes, equal, fromHex, fromUtf8, toHex } from "../bytes";
import { type Entry, readEntry } from "../entry";
import { type Declaration, Generations, readDeclarationLine } from "../generation";
import { readCanonical } from "../json";
import { leafHash, verifyInclusion } from "../merkle";
import { type Checkpoint, readCheckpoint, readNote, verifyCheckpoint, verifySignedBy } from "../note";
import { demandCommitment, type Opened } from "../receipt";
import { malformed, type Reason, Refusal } from "../refusal";
import type { ChainEnd } from "../seal";
import { type Cosigned, readTrust, type Trust, verifyQuorum } from "../trust";
import { Context } from "./context";
import { atEntry, Finding, Gap, inFile, type Missing } from "./finding";
import { type Line, readLine } from "./line";
import { type Manifest, policyOf, readManifest } from "./manifest";
import { type Ends, NO_ENDS, provenEnd, readEnds } from "./seal";
import { type Digest, digestOf, type PackageFiles, readLines } from "./source";
import { broken, Chained, Walk } from "./walk";

export type { Missing } from "./finding";
export type { Scope } from "./manifest";
export { PackageFiles, readTar } from "./source";

const STAFF_MAX = 65_536;

/** An entry of the package that was found to be in the log, with the texts that were found to be what was recorded. */
export interface Item {
  readonly entry: Entry;
  readonly texts: readonly { readonly of: Opened["of"]; readonly text: string }[];
}

/** A policy that entries name, and whether the package holds its text. */
export interface NamedPolicy {
  readonly id: string;
  readonly version: number;
  readonly text: boolean;
}

/** What a package was found to prove. */
export interface Report {
  readonly manifest: Manifest;
  readonly checkpoint: Checkpoint;
  /** The key of the log that has signed. */
  readonly signer: string;
  /** Witnesses that have cosigned, if the trust names any. */
  readonly cosigned: readonly Cosigned[];
  /** The entry of the seal that tells where the chains ended. */
  readonly seal: number | null;
  readonly entries: number;
  readonly texts: number;
  /** By their digest. */
  readonly policies: ReadonlyMap<string, NamedPolicy>;
  /** Names of staff by their pseudonym: signed by the log's owner, not proven by the log. */
  readonly staff: ReadonlyMap<string, string>;
  /** What the log declares of its gaps: entries of the scopes may be among those that were lost. */
  readonly gaps: readonly Declaration[];
}

export type EvidenceVerdict =
  | { readonly ok: true; readonly report: Report }
  | {
      readonly ok: false;
      readonly reason: Reason;
      readonly file: string;
      readonly line: number | null;
      readonly entry: number | null;
      readonly field: string | null;
      /** What should have been there; never what was. */
      readonly expected: string;
      readonly missing: Missing | null;
    };

export interface Watch {
  /** Is told each entry in order; what it is told counts only if the verdict is good. */
  readonly item?: (item: Item) => void;
  /** Is told how many lines were verified, and which part of all bytes was read. */
  readonly progress?: (lines: number, part: number) => void | Promise<void>;
}

/** Verifies a package with the keys of a vkey file, or with a policy that names logs and witnesses. */
export async function verifyEvidence(
  files: PackageFiles,
  trust: string,
  watch: Watch = {},
): Promise<EvidenceVerdict> {
  try {
    const trusted = await inFile("vkey", () => readTrust(trust));
    const [checkpoint, signer] = await inFile("checkpoint", () => readHead(files, trusted));
    const manifest = await inFile("manifest", () => readSigned(files, trusted, checkpoint));
    demandNames(files, manifest);
    const check = new Check(files, checkpoint, manifest, trusted, watch);
    const found = await check.run();
    const cosigned = await inFile("checkpoint", () => verifyQuorum(checkpoint, trusted));
    return { ok: true, report: { manifest, checkpoint, signer, cosigned, ...found } };
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const { refusal, file, line, entry, field } = error;
    const missing = refusal instanceof Gap ? refusal.missing : null;
    const { reason, expected } = refusal;
    return { ok: false, reason, file, line, entry, field: field ?? refusal.place, expected, missing };
  }
}

async function readHead(files: PackageFiles, trust: Trust): Promise<[Checkpoint, string]> {
  const checkpoint = readCheckpoint(await files.whole("checkpoint"));
  const { name } = await verifyCheckpoint(checkpoint, trust.logs);
  return [checkpoint, name];
}

async function readSigned(files: PackageFiles, trust: Trust, { origin }: Checkpoint): Promise<Manifest> {
  const note = readNote(await files.whole("manifest"));
  await verifySignedBy(note, trust.logs, origin);
  const manifest = readManifest(note.text);
  if (manifest.log !== origin) throw new Refusal("other_log", "log", "the checkpoint's origin");
  return manifest;
}

/** Checks that the package holds the files of its manifest and no others. */
function demandNames(files: PackageFiles, manifest: Manifest): void {
  const there = files.names().filter((name) => name !== "manifest");
  const listed = manifest.files.map(({ name }) => name);
  const missing = listed.find((name) => !there.includes(name));
  if (missing !== undefined) throw new Finding(new Refusal("gap", "file", "a file of the manifest"), missing);
  const added = there.find((name) => !listed.includes(name));
  if (added !== undefined) throw new Finding(malformed("file", "only files that the manifest lists"), added);
}

/** A package while it is verified. */
class Check {
  private readonly walk: Walk;
  private readonly digests = new Map<string, Digest>();
  private readonly policies = new Map<string, NamedPolicy>();
  private readonly staff = new Map<string, string>();
  private generations = Generations.none;
  private before = -1;
  private entries = 0;
  private texts = 0;
  private lines = 0;
  private bytes = 0;

  constructor(
    private readonly files: PackageFiles,
    private readonly checkpoint: Checkpoint,
    private readonly manifest: Manifest,
    private readonly trust: Trust,
    private readonly watch: Watch,
  ) {
    this.walk = new Walk(manifest.scopes);
  }

  async run() {
    await inFile("generations.jsonl", () => this.declared());
    await this.eachLine("entries.jsonl", (line) => this.entry(readLine(line)));
    const ends = await inFile("ends.json", () => this.ends());
    await this.context(ends);
    await this.rest();
    this.demandDigests();
    const { entries, texts, policies, staff } = this;
    const gaps = this.generations.all;
    return { seal: ends.seal?.seq ?? null, entries, texts, policies, staff, gaps };
  }

  /** What is declared of the generations before this one, each of which must be. */
  private async declared(): Promise<void> {
    const declared: Declaration[] = [];
    if (this.manifest.files.some(({ name }) => name === "generations.jsonl")) {
      await this.eachLine("generations.jsonl", async (line) => {
        declared.push(await readDeclarationLine(line));
      });
    }
    this.generations = await Generations.vouched(declared, this.trust.logs);
    this.generations.demandAll(this.checkpoint.origin);
  }

  private async eachLine(file: string, each: (line: Bytes) => void | Promise<void>): Promise<void> {
    const blob = await inFile(file, () => this.files.file(file));
    const digest = await readLines(
      blob,
      async (bytes, number) => {
        await this.count(bytes.length + 1);
        try {
          await each(bytes);
        } catch (error) {
          if (error instanceof Refusal) throw new Finding(error, file, number);
          if (!(error instanceof Finding)) throw error;
          throw new Finding(error.refusal, file, number, error.entry, error.field);
        }
      },
      (refusal, number) => new Finding(refusal, file, number),
    );
    this.digests.set(file, digest);
  }

  private async count(bytes: number): Promise<void> {
    this.lines += 1;
    this.bytes += bytes;
    if (this.lines % 256 === 0) await this.watch.progress?.(this.lines, this.bytes / this.files.size);
  }

  /** An entry that was asked for. */
  private async entry(line: Line): Promise<void> {
    const entry = await this.read(line);
    const at = <T>(field: string, act: () => T | Promise<T>) => atEntry(entry.seq, field, act);
    await at("seq", () => {
      if (entry.seq <= this.before) throw broken("seq", `more than ${this.before}`);
    });
    const leaf = await leafHash(line.entry);
    const { size, root } = this.checkpoint;
    await at("path", () => {
      if (line.path === undefined) throw malformed("path", "a path");
    });
    await at("entry or path", () => verifyInclusion(leaf, entry.seq, size, line.path ?? [], root));
    await this.link(entry, () => {
      if (!this.walk.follow(entry, toHex(leaf))) throw malformed("entry", "an entry of one of the scopes");
    });
    for (const opened of line.opened) {
      await at(`opened ${opened.of} text`, () => demandCommitment(entry, opened));
    }
    const texts = line.opened.flatMap(({ of, text }) => (text === undefined ? [] : [{ of, text }]));
    this.before = entry.seq;
    this.entries += 1;
    this.texts += texts.length;
    if (entry.policy !== undefined) {
      const { digest, id, version } = entry.policy;
      this.policies.set(digest, { id, version, text: false });
    }
    this.watch.item?.({ entry, texts });
  }

  private async read(line: Line): Promise<Entry> {
    const claimed = claimedSeq(line.entry);
    const entry = await atEntry(claimed, "entry", () => readEntry(line.entry));
    await atEntry(claimed, "entry log", () => {
      if (entry.log !== this.generations.logAt(this.checkpoint.origin, entry.seq)) {
        throw new Refusal("other_log", "entry.log", "the checkpoint's origin, or that of its generation");
      }
    });
    return entry;
  }

  /** What is refused meanwhile is the entry's, in the part that the refusal itself names. */
  private async link(entry: Entry, act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      throw error instanceof Refusal ? new Finding(error, "", null, entry.seq, error.place) : error;
    }
  }

  private async ends(): Promise<Ends> {
    if (!this.manifest.files.some(({ name }) => name === "ends.json")) return NO_ENDS;
    const bytes = await this.whole("ends.json");
    const ends = readEnds(bytes);
    if (ends.seal !== null && ends.proofs.length !== this.walk.chains.length) {
      throw malformed("proofs", "one proof for each chain");
    }
    return ends;
  }

  /** What proves that nothing is left out. */
  private async context(ends: Ends): Promise<void> {
    const chains = await Promise.all(
      this.walk.chains.map(
        async ({ of, id }, at) => new Chained(of, id, await this.sealedEnd(ends, at, of, id)),
      ),
    );
    const context = new Context(this.checkpoint, ends, chains);
    await this.eachLine("context.jsonl", async (bytes) => {
      const line = readLine(bytes);
      const entry = await this.read(line);
      await this.link(entry, () => context.add(line, entry, this.walk));
    });
    try {
      context.finish(this.walk);
    } catch (error) {
      // What is missing is missing among the entries, wherever the context shows it.
      if (error instanceof Gap) throw new Finding(error, "entries.jsonl");
      throw error instanceof Refusal ? new Finding(error, "context.jsonl") : error;
    }
  }

  private async sealedEnd(
    { seal, proofs }: Ends,
    at: number,
    of: "conversation" | "subject",
    id: string,
  ): Promise<ChainEnd | undefined> {
    if (seal === null) return undefined;
    try {
      return await provenEnd(proofs[at] ?? [], seal, of, id);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new Finding(error, "ends.json", null, null, `end of ${of} ${id}`);
    }
  }

  /** The files that stand by their digests alone: names of staff, policies, and what was read before. */
  private async rest(): Promise<void> {
    await inFile("checkpoint", () => this.whole("checkpoint"));
    const names = this.manifest.files.map(({ name }) => name);
    if (names.includes("staff.jsonl")) await this.eachLine("staff.jsonl", (line) => this.name(line));
    for (const name of names) {
      const digest = policyOf(name);
      if (digest === undefined) continue;
      await inFile(name, async () => {
        const found = await digestOf(this.files.file(name));
        this.digests.set(name, found);
        if (!equal(found.hash, fromHex(digest, 32, "file"))) {
          throw new Refusal("bad_proof", "SHA-256", "the policy of this digest");
        }
        const policy = this.policies.get(digest);
        if (policy === undefined) throw malformed("file", "a policy that an entry names");
        this.policies.set(digest, { ...policy, text: true });
      });
    }
  }

  private name(bytes: Bytes): void {
    const value = readCanonical(fromUtf8(bytes, "staff"), "staff", 1);
    const [id, name, ...more] = Array.isArray(value) ? (value as unknown[]) : [];
    if (typeof id !== "string" || typeof name !== "string" || more.length > 0) {
      throw malformed("staff", "an id and a name");
    }
    fromHex(id, 16, "staff");
    if (this.staff.has(id) || this.staff.size === STAFF_MAX) throw malformed("staff", "each id once");
    this.staff.set(id, name);
  }

  private async whole(name: string): Promise<Bytes> {
    const bytes = await this.files.whole(name);
    this.digests.set(name, await digestOf(new Blob([bytes])));
    return bytes;
  }

  /** Compares everything that was read with the manifest, last: it can say no more than that a file was changed. */
  private demandDigests(): void {
    for (const { name, bytes, digest } of this.manifest.files) {
      const found = this.digests.get(name);
      if (found?.bytes !== bytes || !equal(found.hash, digest)) {
        throw new Finding(new Refusal("bad_proof", "SHA-256", "the digest and length of the manifest"), name);
      }
    }
  }
}

/** Reads the position out of an entry that may not be one, so that a person sees which was touched. */
function claimedSeq(entry: Bytes): number | null {
  const text = new TextDecoder().decode(entry);
  const digits = /.*,"seq":([0-9]{1,15}),/s.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}
