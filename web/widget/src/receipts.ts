/** The widget's second file, loaded when somebody verifies or keeps all: the verifier, what of its verdict a customer is told,
 * the changes of the log's key, and one file of many receipts. */
import { downloadZip } from "client-zip";
import {
  followRotations,
  isSameKey,
  readRotation,
  readVerifierKeys,
  Refusal,
  rotationsFrom,
  utf8,
  verifyReceipt,
  writeKey,
} from "../../verifier";

export interface Checked {
  ok: boolean;
  index?: number;
  /** When it was recorded, RFC 3339. */
  time?: string;
  /** The class of what is wrong. */
  reason?: string;
}

/**
 * The keys, one a line, with which receipts are good for whoever knows a key, when the server tells another one: those from the
 * known one on, if its word leads to the told one. Nothing if it doesn't.
 */
export async function follow(
  known: string,
  told: string,
  statements: readonly string[],
): Promise<string | undefined> {
  try {
    const [trusted, [newest]] = await Promise.all([readVerifierKeys(known), readVerifierKeys(told)]);
    const rotations = await Promise.all(statements.map((text) => readRotation(utf8(text))));
    const keys = await followRotations(trusted, rotationsFrom(trusted, rotations));
    const isLed = newest !== undefined && keys.some((key) => isSameKey(key, newest));
    return isLed ? keys.map(writeKey).join("\n") : undefined;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** Verifies a receipt with the log's public keys; nothing is asked of a server. */
export async function check(receipt: string, vkey: string): Promise<Checked> {
  const verdict = await verifyReceipt(receipt, vkey);
  if (!verdict.ok) return { ok: false, reason: verdict.reason };
  return { ok: true, index: verdict.index, time: verdict.time };
}

/** Packs receipts into one file, each under its index, as they come. */
export async function pack(receipts: AsyncIterable<{ index: number; text: string }>): Promise<Blob> {
  async function* files() {
    for await (const { index, text } of receipts) yield { name: `${index}.tlog-proof`, input: text };
  }
  return downloadZip(files()).blob();
}
