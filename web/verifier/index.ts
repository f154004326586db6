/**
 * The second verifier: entries, proofs, checkpoints and receipts, written from audit/FORMAT.md and the C2SP and RFC texts
 * alone, so that a mistake of the first one (`lww-verify`, in Rust) is not repeated here. It knows no page and no server:
 * bytes in, verdicts out, with WebCrypto for SHA-256, HMAC and Ed25519.
 */
export { canVerify } from "./able";
export { type Bytes, fromHex, toBase64, toHex, utf8 } from "./bytes";
export { Chains } from "./chain";
export { type Content, type Entry, readEntry } from "./entry";
export { type Declaration, Generations, readDeclaration, verifyDeclaration } from "./generation";
export type { Json, JsonObject } from "./json";
export { type LogVerdict, type ReadFile, verifyLog } from "./log";
export { climb, leafHash, type PathStep, type Tree, verifyConsistency, verifyInclusion } from "./merkle";
export {
  type Checkpoint,
  fingerprint,
  readCheckpoint,
  readVerifierKeys,
  type VerifierKey,
  verifyCheckpoint,
  writeKey,
} from "./note";
export {
  commitment,
  type Findings,
  type Opened,
  type Receipt,
  readReceipt,
  type Verdict,
  verifyReceipt,
} from "./receipt";
export { type Reason, Refusal } from "./refusal";
export {
  followRotations,
  isSameKey,
  readRotation,
  type Rotation,
  rotationsFrom,
  verifyRotation,
} from "./rotation";
