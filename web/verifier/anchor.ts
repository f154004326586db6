/**
 * Receipts of outside parties, as far as the log itself can tell: whether each names a checkpoint that the log had before it. What a
 * receipt proves is told elsewhere. Source: audit/FORMAT.md, "Anchors".
 */
import { type Bytes, equal, fromBase64 } from "./bytes";
import { type Entry, Members } from "./entry";
import { nodeHash, rootOf } from "./merkle";
import { readTree } from "./note";
import { malformed, Refusal } from "./refusal";

const KIND = "anchor.receipt/1";
const RECEIPT_BYTES_MAX = 11_264;

/** Receipts of one log, whose `leaves` lead to the signed root. */
export class Anchors {
  /** Hashes of all complete subtrees, a level an array; made when the first receipt is met. */
  private levels: Bytes[][] | undefined;

  constructor(private readonly leaves: readonly Bytes[]) {}

  /** Checks an entry, if it holds a receipt. */
  async check(entry: Entry): Promise<void> {
    if (entry.kind !== KIND) return;
    const detail = new Members(entry.detail, "entry.detail");
    detail.label("anchor");
    detail.label("form");
    const receipt = fromBase64(detail.string("receipt"), "entry.detail.receipt");
    if (receipt.length > RECEIPT_BYTES_MAX) throw malformed("entry.detail.receipt", "at most 11,264 bytes");
    const { origin, size, root } = readTree(detail.string("checkpoint"));
    detail.demandNoOthers();
    const isBefore = origin === entry.log && size <= entry.seq;
    if (!isBefore || !equal(await this.rootAt(size), root)) {
      throw new Refusal("bad_anchor", "entry.detail.checkpoint", "a checkpoint that the log had before");
    }
  }

  /** The root of the tree of the first `size` leaves: its complete subtrees, joined from the smallest. */
  private async rootAt(size: number): Promise<Bytes> {
    this.levels ??= await complete(this.leaves);
    let [root, at] = [undefined as Bytes | undefined, size];
    for (let level = 0; at > 0; level += 1, at = Math.floor(at / 2)) {
      if (at % 2 === 0) continue;
      const left = this.levels[level]?.[at - 1] as Bytes;
      root = root === undefined ? left : await nodeHash(left, root);
    }
    return root ?? rootOf([]);
  }
}

async function complete(leaves: readonly Bytes[]): Promise<Bytes[][]> {
  const levels: Bytes[][] = [];
  for (let level = [...leaves]; level.length > 0;) {
    levels.push(level);
    const pairs = Array.from({ length: Math.floor(level.length / 2) }, (_, at) =>
      level.slice(2 * at, 2 * at + 2),
    );
    level = await Promise.all(pairs.map(([left, right]) => nodeHash(left as Bytes, right as Bytes)));
  }
  return levels;
}
