/**
 * Seals, and `ends.json`: where the newest seal says that the chains asked for ended, or that they had not begun.
 * That the seal is an entry of the log is for the context to show. Source: audit/FORMAT.md, "Seals".
 */
import { type Bytes, equal, fromHex, fromUtf8, join, utf8 } from "../bytes";
import { type Entry, Members } from "../entry";
import { type Json, readCanonical } from "../json";
import { emptyRoot, leafHash, verifyInclusion } from "../merkle";
import { malformed, Refusal } from "../refusal";
import type { ChainOf } from "./finding";
import { readPath } from "./line";

const KIND = "chains.sealed/1";
const TAG = utf8("lww/chain/1\0");

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

interface ProvenEnd extends ChainEnd {
  readonly index: number;
  readonly path: readonly Bytes[];
}

/** The seal with its entry's position, or none; and for each chain asked for the ends that prove its own. */
export interface Ends {
  readonly seal: (Seal & { readonly seq: number }) | null;
  readonly proofs: readonly (readonly ProvenEnd[])[];
}

export const NO_ENDS: Ends = { seal: null, proofs: [] };

/** Reads `ends.json`. */
export function readEnds(bytes: Bytes): Ends {
  const members = new Members(readCanonical(fromUtf8(bytes, "ends"), "ends", 5), "ends");
  const proofs = arrayOf(members.any("proofs")).map((proof) => arrayOf(proof).map(readEnd));
  const seal = members.isNull("seal")
    ? null
    : members.object("seal", (seal) => ({ ...sealOf(seal), seq: seal.count("seq") }));
  members.demandNoOthers();
  if (seal === null && proofs.length > 0) throw malformed("proofs", "no proofs without a seal");
  return { seal, proofs };
}

function arrayOf(value: Json | undefined): readonly Json[] {
  if (!Array.isArray(value)) throw malformed("proofs", "an array");
  return value as readonly Json[];
}

function readEnd(value: Json): ProvenEnd {
  const members = new Members(value, "proofs");
  const of = members.string("of");
  if (of !== "conversation" && of !== "subject") throw malformed("proofs.of", "conversation or subject");
  const end = {
    of,
    id: members.id("id"),
    n: members.count("n"),
    seq: members.count("seq"),
    leaf: members.hash("leaf"),
    index: members.count("index"),
    path: readPath(members.any("path")),
  } as const;
  members.demandNoOthers();
  return end;
}

function sealOf(members: Members): Seal {
  return { chains: members.count("chains"), root: members.hash("root"), upto: members.count("upto") };
}

/** Whether an entry is this seal. */
export function isSeal(entry: Entry, { chains, root, upto }: Seal): boolean {
  if (entry.kind !== KIND) return false;
  const detail = new Members(entry.detail, "entry.detail");
  const found = sealOf(detail);
  detail.demandNoOthers();
  return found.chains === chains && found.root === root && found.upto === upto && upto <= entry.seq;
}

/** Verifies the proof for a chain, and returns its end, or nothing if it had not begun. */
export async function provenEnd(
  proof: readonly ProvenEnd[],
  seal: Seal,
  of: ChainOf,
  id: string,
): Promise<ChainEnd | undefined> {
  const root = fromHex(seal.root, 32, "seal.root");
  for (const end of proof) await verifyInclusion(await leafOf(end), end.index, seal.chains, end.path, root);
  const wanted = orderOf(of, id);
  const [first, second, ...more] = proof;
  if (first === undefined) {
    if (seal.chains === 0 && equal(root, await emptyRoot())) return undefined;
  } else if (second === undefined) {
    const there = orderOf(first.of, first.id);
    if (there === wanted) return first;
    if (first.index === 0 && there > wanted) return undefined;
    if (first.index + 1 === seal.chains && there < wanted) return undefined;
  } else if (more.length === 0 && first.index + 1 === second.index) {
    if (orderOf(first.of, first.id) < wanted && wanted < orderOf(second.of, second.id)) return undefined;
  }
  throw new Refusal("bad_proof", "proofs", "the chain's end, or its neighbours");
}

/** Sorts by chain, then by id as bytes: ids are hex of one length. */
function orderOf(of: ChainOf, id: string): string {
  return `${chainByte(of)}${id}`;
}

function chainByte(of: ChainOf): number {
  return of === "conversation" ? 1 : 2;
}

function leafOf({ of, id, n, seq, leaf }: ChainEnd): Promise<Bytes> {
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
