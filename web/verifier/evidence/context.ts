/**
 * Reads the context of a package: runs of neighbouring entries, each run proven by the path of its last. The last run reaches
 * from what the newest seal covers to the end of the log: no entry since can have gone unseen.
 */
import { toHex } from "../bytes";
import type { Entry } from "../entry";
import { leafHash, verifyInclusion } from "../merkle";
import type { Checkpoint } from "../note";
import { malformed } from "../refusal";
import { Gap } from "./finding";
import type { Line } from "./line";
import { type Ends, isSeal } from "./seal";
import { broken, type Chained, type Walk } from "./walk";

/** The entry before, and the run that it is in. */
interface Before {
  readonly seq: number;
  readonly leaf: string;
  readonly proven: boolean;
  readonly runStart: number;
}

export class Context {
  private before?: Before;
  private sealed = false;

  /** `chains` are those asked for, from where the seal says that they ended. */
  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly ends: Ends,
    private readonly chains: readonly Chained[],
  ) {}

  /** Goes on with the next entry. */
  async add(line: Line, entry: Entry, walk: Walk): Promise<void> {
    if (line.opened.length > 0) throw malformed("opened", "nothing opened in the context");
    const runStart = this.link(entry);
    const leaf = await leafHash(line.entry);
    const { size, root } = this.checkpoint;
    if (line.path !== undefined) await verifyInclusion(leaf, entry.seq, size, line.path, root);
    const hex = toHex(leaf);
    this.before = { seq: entry.seq, leaf: hex, proven: line.path !== undefined, runStart };
    walk.bound(entry);
    if (entry.seq >= this.upto) for (const chain of this.chains) chain.follow(entry, hex);
    if (this.ends.seal?.seq !== entry.seq) return;
    if (!isSeal(entry, this.ends.seal)) throw malformed("seal", "the seal that ends.json says it is");
    this.sealed = true;
  }

  private get upto(): number {
    return this.ends.seal?.upto ?? 0;
  }

  /** Checks that the entry goes on with a run, or begins one where the one before is proven. */
  private link({ seq, prev }: Entry): number {
    const { before } = this;
    if (before === undefined) return seq;
    if (seq === before.seq + 1) {
      if (prev !== before.leaf) throw broken("prev", "the leaf hash before");
      return before.runStart;
    }
    if (!before.proven)
      throw malformed("path", "an entry before that has a path or is followed by its neighbour");
    if (seq <= before.seq) throw broken("seq", `more than ${before.seq}`);
    return seq;
  }

  /** Checks that the last run is proven and reaches from the seal to the end, and compares the chains' ends. */
  finish(walk: Walk): void {
    const { size } = this.checkpoint;
    if (this.before?.proven === false) throw malformed("path", "a path of the last entry");
    walk.timesReach(size);
    if (walk.chains.length === 0) return;
    const reached = this.before?.seq === size - 1 ? this.before.runStart : size;
    if (reached > this.upto) throw new Gap({ of: "log", first: this.upto, last: reached - 1 });
    if (this.ends.seal !== null && !this.sealed) throw malformed("seal", "the seal among the entries");
    walk.chains.forEach((found, at) => {
      const there = this.chains[at];
      if (there !== undefined) found.reaches(there);
    });
  }
}
