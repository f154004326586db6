/** Whether this browser has what verifying takes: WebCrypto, which needs HTTPS or loopback, with Ed25519. */

/** A public key of RFC 8032 section 7.1, test 1. */
const ANY_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

export async function canVerify(): Promise<boolean> {
  try {
    const key = Uint8Array.from(ANY_KEY.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
    await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}
