/** One entry of the ledger, version 1, read as strictly as it was written. Source: audit/FORMAT.md, "Entry". */
import { type Bytes, fromHex, fromUtf8 } from "./bytes";
import { type Json, type JsonObject, readCanonical } from "./json";
import { malformed, Refusal } from "./refusal";

/** Longest entry in bytes. */
export const ENTRY_BYTES_MAX = 16_384;
/** `detail` nests at most 8 deep and is itself one deep in the entry. */
const DEPTH_MAX = 9;

export interface Entry {
  readonly actor: { readonly id: string; readonly role: string };
  readonly chains: readonly ChainLink[];
  readonly channel?: string;
  readonly content?: Content;
  readonly conversation?: string;
  readonly detail?: JsonObject;
  readonly kind: string;
  readonly log: string;
  readonly policy?: { readonly digest: string; readonly id: string; readonly version: number };
  readonly prev: string;
  readonly seq: number;
  readonly subject?: string;
  readonly tenant: string;
  readonly time: string;
}

export interface Content {
  readonly commit_masked: string;
  readonly commit_sealed: string;
  readonly spans: readonly { readonly class: string; readonly count: number; readonly entity: string }[];
}

/** A conversation's or subject's entries are counted, each from 0. */
export type ChainOf = "conversation" | "subject";

export interface ChainLink {
  readonly n: number;
  readonly of: ChainOf;
  readonly prev: { readonly leaf: string; readonly seq: number } | null;
}

const LABEL = /^[A-Za-z0-9._:-]{1,64}$/;
const KIND = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\/[1-9][0-9]{0,3}$/;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$/;

/** Reads the bytes of an entry. */
export function readEntry(bytes: Bytes): Entry {
  if (bytes.length > ENTRY_BYTES_MAX) throw malformed("entry", `at most ${ENTRY_BYTES_MAX} bytes`);
  const text = fromUtf8(bytes, "entry");
  try {
    return entryOf(new Members(readCanonical(text, "entry", DEPTH_MAX), "entry"));
  } catch (error) {
    // A later version may look quite different, so its form is not to blame.
    if (isOfLaterVersion(text)) throw new Refusal("unknown_version", "entry.v", "version 1");
    throw error;
  }
}

function isOfLaterVersion(text: string): boolean {
  try {
    const version: unknown = (JSON.parse(text) as { v?: unknown } | null)?.v;
    const whole = typeof version === "number" && Number.isSafeInteger(version) && version !== 1;
    // `1e3` is a whole number, too, but no version's.
    return whole && new RegExp(`"v"\\s*:\\s*${version}\\s*[,}]`).test(text) && version >= 0;
  } catch {
    return false;
  }
}

function entryOf(members: Members): Entry {
  if (members.integer("v") !== 1) throw malformed("entry.v", "1");
  const entry: Entry = {
    actor: members.object("actor", (actor) => ({ id: actor.id("id"), role: actor.label("role") })),
    chains: members.has("chains") ? members.list("chains", chainLink) : [],
    ...members.optional("channel", () => members.label("channel")),
    ...members.optional("content", () => members.object("content", content)),
    ...members.optional("conversation", () => members.id("conversation")),
    ...members.optional("detail", () => members.anyObject("detail")),
    kind: members.matching("kind", KIND, 64),
    log: readOrigin(members.string("log"), "entry.log"),
    ...members.optional("policy", () => members.object("policy", policy)),
    prev: members.hash("prev"),
    seq: members.count("seq"),
    ...members.optional("subject", () => members.id("subject")),
    tenant: members.label("tenant"),
    time: readTime(members.string("time"), "entry.time"),
  };
  members.demandNoOthers();
  demandChains(entry, members.has("chains"));
  return entry;
}

function content(members: Members): Content {
  return {
    commit_masked: members.hash("commit_masked"),
    commit_sealed: members.hash("commit_sealed"),
    spans: members.list("spans", (span) => ({
      class: span.label("class"),
      count: span.count("count"),
      entity: span.label("entity"),
    })),
  };
}

function policy(members: Members) {
  return { digest: members.hash("digest"), id: members.label("id"), version: members.count("version") };
}

function chainLink(members: Members): ChainLink {
  const of = members.string("of");
  if (of !== "conversation" && of !== "subject") throw malformed("entry.chains", "conversation or subject");
  const prev = members.isNull("prev")
    ? null
    : members.object("prev", (before) => ({ leaf: before.hash("leaf"), seq: before.count("seq") }));
  return { n: members.count("n"), of, prev };
}

/** There is exactly one chain for each of conversation and subject that the entry names, in this order. */
function demandChains(entry: Entry, present: boolean): void {
  const named = (["conversation", "subject"] as const).filter((of) => entry[of] !== undefined);
  const fits =
    entry.chains.length === named.length &&
    entry.chains.every((link, at) => link.of === named[at]) &&
    present === entry.chains.length > 0;
  if (!fits) throw malformed("entry.chains", "one chain for each of conversation and subject");
  for (const { n, prev } of entry.chains) {
    if ((n === 0) !== (prev === null)) throw malformed("entry.chains", "no entry before exactly the first");
    if (prev !== null && prev.seq >= entry.seq) throw malformed("entry.chains", "an earlier entry before");
  }
}

/** Reads `<name>/<tenant>/<generation>`, which is also the name of the log's keys. */
export function readOrigin(text: string, place: string): string {
  const parts = text.split("/");
  const fits =
    /^[A-Za-z0-9._:/-]{1,200}$/.test(text) &&
    parts.length >= 3 &&
    parts.every((part) => part !== "" && part !== "." && part !== "..") &&
    /^[1-9][0-9]{0,9}$/.test(parts.at(-1) ?? "") &&
    Number(parts.at(-1)) <= 4_294_967_295;
  if (!fits) throw malformed(place, "<name>/<tenant>/<generation>");
  return text;
}

/** Reads a time, in the one form in which they are ordered like their texts. */
export function readTime(text: string, place: string): string {
  const milliseconds = TIME.test(text) ? Date.parse(`${text.slice(0, 23)}Z`) : Number.NaN;
  // The platform forgives the 30th of February; writing the time again does not.
  const exists =
    !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === `${text.slice(0, 23)}Z`;
  if (!exists) throw malformed(place, "YYYY-MM-DDTHH:MM:SS.ffffffZ");
  return text;
}

/** The members of an object, taken one by one by their names and types. */
export class Members {
  private readonly members: JsonObject;
  private readonly taken = new Set<string>();

  constructor(
    value: Json | undefined,
    private readonly place: string,
  ) {
    if (!(value instanceof Map)) throw malformed(place, "an object");
    this.members = value;
  }

  has(name: string): boolean {
    return this.members.has(name);
  }

  isNull(name: string): boolean {
    return this.take(name) === null;
  }

  string(name: string): string {
    const value = this.take(name);
    if (typeof value !== "string") throw malformed(this.at(name), "a string");
    return value;
  }

  matching(name: string, pattern: RegExp, charactersMax: number): string {
    const value = this.string(name);
    if (value.length > charactersMax || !pattern.test(value)) {
      throw malformed(this.at(name), "the prescribed form");
    }
    return value;
  }

  label(name: string): string {
    return this.matching(name, LABEL, 64);
  }

  id(name: string): string {
    const value = this.string(name);
    fromHex(value, 16, this.at(name));
    return value;
  }

  hash(name: string): string {
    const value = this.string(name);
    fromHex(value, 32, this.at(name));
    return value;
  }

  integer(name: string): number {
    const value = this.take(name);
    if (typeof value !== "number") throw malformed(this.at(name), "an integer");
    return value;
  }

  count(name: string): number {
    const value = this.integer(name);
    if (value < 0) throw malformed(this.at(name), "no negative number");
    return value;
  }

  any(name: string): Json | undefined {
    return this.take(name);
  }

  anyObject(name: string): JsonObject {
    const value = this.take(name);
    if (!(value instanceof Map)) throw malformed(this.at(name), "an object");
    return value as JsonObject;
  }

  object<T>(name: string, read: (members: Members) => T): T {
    return this.whole(this.take(name), this.at(name), read);
  }

  list<T>(name: string, read: (members: Members) => T): T[] {
    const value = this.take(name);
    if (!Array.isArray(value)) throw malformed(this.at(name), "an array");
    return value.map((element: Json) => this.whole(element, this.at(name), read));
  }

  /** A member that is left out when it is absent. */
  optional<N extends string, T>(name: N, read: () => T): { [K in N]?: T } {
    return this.has(name) ? ({ [name]: read() } as { [K in N]?: T }) : {};
  }

  demandNoOthers(): void {
    for (const name of this.members.keys()) {
      // The name itself stays unsaid: it is outside data.
      if (!this.taken.has(name)) throw malformed(this.place, "no unknown members");
    }
  }

  private whole<T>(value: Json | undefined, place: string, read: (members: Members) => T): T {
    const members = new Members(value, place);
    const result = read(members);
    members.demandNoOthers();
    return result;
  }

  private take(name: string): Json | undefined {
    this.taken.add(name);
    return this.members.get(name);
  }

  private at(name: string): string {
    return `${this.place}.${name}`;
  }
}
