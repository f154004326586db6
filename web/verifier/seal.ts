/**
 * Seals: one root over where all chains of the log ended, and whether it is what they come to. Source: audit/FORMAT.md, "Seals".
 */
import { type Bytes, fromHex, join, toHex, utf8 } from "./bytes";
import type { Chains } from "./chain";
import { type ChainOf, type Entry, Members } from "./entry";
import { leafHash, rootOf } from "./merkle";
import { Refusal } from "./refusal";

const KIND = "chains.sealed/1";
const TAG = utf8("lww/chain/1\0");
/** Most entries that may lie between what a seal covers and the seal. */
export const LAG_ENTRIES_MAX = 65_536;

/** Where a chain ended. */
export interface ChainEnd {
  readonly of: ChainOf;
  readonly id: string;
  /** Place of its last entry in the chain. */
  readonly n: number;
  /** The last entry's position in the log, and its leaf hash (hex). */
  readonly seq: number;
  readonly leaf: string;
}

export interface Seal {
  readonly chains: number;
  /** Hex. */
  readonly root: string;
  readonly upto: number;
}

/** Reads the seal out of an entry; nothing if it is of another kind. */
export function readSeal(entry: Entry): Seal | undefined {
  if (entry.kind !== KIND) return undefined;
  const detail = new Members(entry.detail, "entry.detail");
  const seal = sealOf(detail);
  detail.demandNoOthers();
  return seal;
}

export function sealOf(members: Members): Seal {
  return { chains: members.count("chains"), root: members.hash("root"), upto: members.count("upto") };
}

/** Computes again what a seal says, if the entry is one; the chains were followed as far as it. */
export async function checkSeal(entry: Entry, chains: Chains): Promise<void> {
  const claimed = readSeal(entry);
  if (claimed === undefined) return;
  const isNear = claimed.upto <= entry.seq && claimed.upto >= entry.seq - LAG_ENTRIES_MAX;
  demand(isNear, "upto", `at most ${LAG_ENTRIES_MAX} entries before the seal`);
  const ends = chains.endsAt(claimed.upto).sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  demand(claimed.chains === ends.length, "chains", "the number of chains at that size");
  const root = await rootOf(await Promise.all(ends.map(leafOf)));
  demand(claimed.root === toHex(root), "root", "what the chains come to");
}

/** Sorts by chain, then by id as bytes: ids are hex of one length. */
export function orderOf({ of, id }: Pick<ChainEnd, "of" | "id">): string {
  return `${chainByte(of)}${id}`;
}

function chainByte(of: ChainOf): number {
  return of === "conversation" ? 1 : 2;
}

export function leafOf({ of, id, n, seq, leaf }: ChainEnd): Promise<Bytes> {
  const numbers = new DataView(new ArrayBuffer(16));
  numbers.setBigUint64(0, BigInt(n));
  numbers.setBigUint64(8, BigInt(seq));
  return leafHash(
    join(
      TAG,
      Uint8Array.of(chainByte(of)),
      fromHex(id, 16, "proofs.id"),
      new Uint8Array(numbers.buffer),
      fromHex(leaf, 32, "proofs.leaf"),
    ),
  );
}

function demand(holds: boolean, member: string, expected: string): void {
  if (!holds) throw new Refusal("chain_break", `entry.detail.${member}`, expected);
}
