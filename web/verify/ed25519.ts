/** Ed25519 for browsers whose WebCrypto has none: @noble/curves, inside the file. */
import { ed25519 } from "@noble/curves/ed25519.js";
import type { VerifyEd25519 } from "../verifier/ed25519";

/** Verifies as RFC 8032 has it; what is no key or no signature has signed nothing. */
export const byNoble: VerifyEd25519 = (publicKey, signature, message) => {
  try {
    return Promise.resolve(ed25519.verify(signature, message, publicKey, { zip215: false }));
  } catch {
    return Promise.resolve(false);
  }
};
