/** Why something was refused: the classes of `lww-verify` (audit/FORMAT.md, "Exit codes"). */
export type Reason =
  | "malformed"
  | "unknown_version"
  | "bad_signature"
  | "bad_proof"
  | "bad_commitment"
  | "chain_break"
  | "fork"
  | "rollback"
  | "gap"
  | "other_log"
  | "no_quorum"
  | "false_declaration";

/** A refusal names its class and the place that is to blame; never what stood there. */
export class Refusal extends Error {
  constructor(
    readonly reason: Reason,
    readonly place: string,
    readonly expected: string,
  ) {
    super(`${place}: ${expected}`);
    this.name = "Refusal";
  }
}

/** Refuses because of the form. */
export function malformed(place: string, expected: string): Refusal {
  return new Refusal("malformed", place, expected);
}
