/** Ed25519 signatures (RFC 8032), by WebCrypto; a page for older browsers brings its own. */
import type { Bytes } from "./bytes";

export type VerifyEd25519 = (publicKey: Bytes, signature: Bytes, message: Bytes) => Promise<boolean>;

let verify: VerifyEd25519 = byWebCrypto;

/** Whether a key has signed a message. A signature that is not 64 bytes long is wrong. */
export async function verifyEd25519(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  return signature.length === 64 && verify(publicKey, signature, message);
}

/** Has signatures verified by another program from here on: that of a page, in a browser without Ed25519. */
export function verifyEd25519By(other: VerifyEd25519): void {
  verify = other;
}

async function byWebCrypto(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  const key = await crypto.subtle
    .importKey("raw", publicKey, "Ed25519", false, ["verify"])
    .catch((error: unknown) => {
      // A key that is no point of the curve has signed nothing; an engine without Ed25519 is another matter.
      if (error instanceof DOMException && error.name === "DataError") return null;
      throw error;
    });
  return key !== null && crypto.subtle.verify("Ed25519", key, signature, message);
}
