/**
 * `ends.json`: where the newest seal says that the chains asked for ended, or that they had not begun.
 * That the seal is an entry of the log is for the context to show. Source: audit/FORMAT.md, "Seals".
 */
import { type Bytes, equal, fromHex, fromUtf8 } from "../bytes";
import { type ChainOf, type Entry, Members } from "../entry";
import { type Json, readCanonical } from "../json";
import { emptyRoot, verifyInclusion } from "../merkle";
import { malformed, Refusal } from "../refusal";
import { type ChainEnd, leafOf, orderOf, readSeal, type Seal, sealOf } from "../seal";
import { readPath } from "./line";

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

/** Whether an entry is this seal. */
export function isSeal(entry: Entry, { chains, root, upto }: Seal): boolean {
  const found = readSeal(entry);
  return found?.chains === chains && found.root === root && found.upto === upto && upto <= entry.seq;
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
  const wanted = orderOf({ of, id });
  const [first, second, ...more] = proof;
  if (first === undefined) {
    if (seal.chains === 0 && equal(root, await emptyRoot())) return undefined;
  } else if (second === undefined) {
    const there = orderOf(first);
    if (there === wanted) return first;
    if (first.index === 0 && there > wanted) return undefined;
    if (first.index + 1 === seal.chains && there < wanted) return undefined;
  } else if (more.length === 0 && first.index + 1 === second.index) {
    if (orderOf(first) < wanted && wanted < orderOf(second)) return undefined;
  }
  throw new Refusal("bad_proof", "proofs", "the chain's end, or its neighbours");
}
