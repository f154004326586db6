/** The widget's second file, loaded when somebody verifies or keeps all: the verifier, what of its verdict a customer is told,
 * the changes of the log's key, and one file of many receipts. */
import { downloadZip } from "client-zip";
import {
  type Declaration,
  followRotations,
  Generations,
  isSameKey,
  readDeclaration,
  readRotation,
  readVerifierKeys,
  Refusal,
  type Rotation,
  rotationsFrom,
  utf8,
  type VerifierKey,
  verifyDeclaration,
  verifyReceipt,
  verifySignedBy,
  writeKey,
} from "../../verifier";

export interface Checked {
  ok: boolean;
  index?: number;
  /** When it was recorded, RFC 3339. */
  time?: string;
  /** When the bank declared that it has lost the entry since, RFC 3339. */
  lost?: string;
  /** The class of what is wrong. */
  reason?: string;
}

/** What the server tells of how the log's key came to be another: changes of it, and generations behind declared gaps. */
export interface Told {
  vkey: string;
  rotations: readonly string[];
  generations: readonly string[];
}

/** What receipts are verified by. */
export interface Trusted {
  /** The keys, one a line. */
  vkey: string;
  /** The gaps that they declare. */
  generations: Generations;
}

/**
 * What receipts are good by for whoever knows a key: those keys that the known one leads to, by its own word and its successors', if
 * the told one is among them. Nothing if it isn't, or if a gap is declared otherwise than it can be.
 */
export async function follow(known: string, told: Told): Promise<Trusted | undefined> {
  try {
    const [keys, [newest]] = await Promise.all([readVerifierKeys(known), readVerifierKeys(told.vkey)]);
    const rotations = await Promise.all(told.rotations.map((text) => readRotation(utf8(text))));
    const declared = await Promise.all(told.generations.map((text) => readDeclaration(utf8(text))));
    // A key may have changed within a generation; its changes come before the next.
    const led = await [...declared, undefined].reduce(
      async (before, next) => over(await within(await before, rotations), next),
      Promise.resolve(keys as readonly VerifierKey[]),
    );
    const isLed = newest !== undefined && led.some((key) => isSameKey(key, newest));
    if (!isLed) return undefined;
    const generations = Generations.of(declared);
    // What an earlier key signed is good by the word of the newest, too; that one stays the last.
    return { vkey: [...generations.oldKeys(), ...led].map(writeKey).join("\n"), generations };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** Goes along with the changes of the generation that the newest trusted key is of. */
function within(keys: readonly VerifierKey[], rotations: readonly Rotation[]): Promise<VerifierKey[]> {
  const of = keys.at(-1)?.name;
  return followRotations(
    keys,
    rotationsFrom(
      keys,
      rotations.filter(({ origin }) => origin === of),
    ),
  );
}

/** Goes over a gap, by the old key's word, or by the new one's own for whoever trusts that already. */
async function over(
  keys: readonly VerifierKey[],
  next: Declaration | undefined,
): Promise<readonly VerifierKey[]> {
  if (next === undefined) return keys;
  const { last, note, old, successor } = next;
  const isTrusted = keys.some((key) => isSameKey(key, successor));
  if (old !== undefined || !isTrusted || keys.some(({ name }) => name === last.origin)) {
    await verifyDeclaration(next, keys);
  } else {
    // The old key is gone, and this reader never had it.
    await verifySignedBy(note, [successor], successor.name);
  }
  return isTrusted ? keys : [...keys, successor];
}

/** Verifies a receipt with the log's public keys; nothing is asked of a server. */
export async function check(
  receipt: string,
  { vkey, generations = Generations.none }: { vkey: string; generations?: Generations },
): Promise<Checked> {
  const verdict = await verifyReceipt(receipt, vkey, generations);
  if (!verdict.ok) return { ok: false, reason: verdict.reason };
  const { index, time, lost } = verdict;
  return { ok: true, index, time, ...(lost && { lost: lost.opened }) };
}

/** Packs receipts into one file, each under its index, as they come. */
export async function pack(receipts: AsyncIterable<{ index: number; text: string }>): Promise<Blob> {
  async function* files() {
    for await (const { index, text } of receipts) yield { name: `${index}.tlog-proof`, input: text };
  }
  return downloadZip(files()).blob();
}
