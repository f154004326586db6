/** The widget's second file, loaded when somebody verifies or keeps all: the verifier, what of its verdict a customer is told,
 * and one file of many receipts. */
import { downloadZip } from "client-zip";
import { verifyReceipt } from "../../verifier";

export interface Checked {
  ok: boolean;
  index?: number;
  /** When it was recorded, RFC 3339. */
  time?: string;
  /** The class of what is wrong. */
  reason?: string;
}

/** Verifies a receipt with the log's public key; nothing is asked of a server. */
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
