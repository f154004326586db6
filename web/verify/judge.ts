/** Verifies what was given by what is trusted, and gives both kinds one form of verdict. */
import { toHex } from "../verifier/bytes";
import {
  type EvidenceVerdict,
  type Item,
  type Report,
  verifyEvidence,
  type Watch,
} from "../verifier/evidence";
import type { Declaration } from "../verifier/generation";
import { readReceipt, verifyReceipt } from "../verifier/receipt";
import { Refusal } from "../verifier/refusal";
import { type Cosigned, readTrust, verifyQuorum } from "../verifier/trust";
import type { Given } from "./given";

export interface ProvenEntry {
  readonly index: number;
  readonly size: number;
  readonly origin: string;
  readonly leaf: string;
  readonly root: string;
  readonly steps: number;
  readonly signer: string;
  readonly cosigned: readonly Cosigned[];
  /** What declares the entry lost. */
  readonly gaps: readonly Declaration[];
}

export type Refused = Extract<EvidenceVerdict, { ok: false }>;

export type Judgement =
  | { readonly kind: "package"; readonly report: Report; readonly items: readonly Item[] }
  | { readonly kind: "receipt"; readonly proven: ProvenEntry; readonly items: readonly Item[] }
  | { readonly kind: "refused"; readonly refused: Refused };

/** Items count only when all was verified, so they are handed out with a good verdict alone. */
export async function judge(
  given: Given,
  trust: string,
  progress: NonNullable<Watch["progress"]>,
): Promise<Judgement> {
  try {
    if (given.kind === "receipt") return await judgeReceipt(await given.read(), given.name, trust);
    const items: Item[] = [];
    const files = await given.read();
    const verdict = await verifyEvidence(files, trust, { item: (item) => items.push(item), progress });
    return verdict.ok
      ? { kind: "package", report: verdict.report, items }
      : { kind: "refused", refused: verdict };
  } catch (error) {
    // What is refused before any file of it is known is the receipt or tar itself.
    if (!(error instanceof Refusal)) throw error;
    return refusal(error, given.name);
  }
}

async function judgeReceipt(bytes: Uint8Array<ArrayBuffer>, name: string, text: string): Promise<Judgement> {
  const trust = await readTrust(text);
  const { generations } = trust;
  const verdict = await verifyReceipt(bytes, [...trust.logs, ...generations.oldKeys()], generations);
  if (!verdict.ok) {
    const { reason, place, findings } = verdict;
    return refusal(new Refusal(reason, place, ""), name, findings?.index);
  }
  const cosigned = await verifyQuorum(readReceipt(bytes).checkpoint, trust);
  const { entry, findings, index, size } = verdict;
  const texts = verdict.opened.flatMap(({ of, text }) => (text === undefined ? [] : [{ of, text }]));
  const proven = {
    index,
    size,
    origin: findings.origin,
    leaf: toHex(findings.leaf),
    root: toHex(findings.root),
    steps: findings.steps.length,
    signer: findings.signer.name,
    cosigned,
    gaps: verdict.lost === undefined ? [] : [verdict.lost],
  };
  return { kind: "receipt", proven, items: [{ entry, texts }] };
}

function refusal({ reason, place, expected }: Refusal, file: string, entry?: number): Judgement {
  const where = { file, line: null, entry: entry ?? null, field: place, expected, missing: null };
  return { kind: "refused", refused: { ok: false, reason, ...where } };
}
