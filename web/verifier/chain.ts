/** Follows entries as they follow one another: position, time, and the chains. Source: audit/FORMAT.md, "Chains". */
import { type Bytes, toHex } from "./bytes";
import type { ChainLink, Entry } from "./entry";
import { Refusal } from "./refusal";
import { type ChainEnd, LAG_ENTRIES_MAX } from "./seal";

const FIRST_PREV = "0".repeat(64);

/** An end that an entry moved, as it was before. */
interface Change {
  readonly seq: number;
  readonly id: string;
  readonly before: ChainEnd | undefined;
}

/** The ends of all chains of a log that is followed from its first entry on. */
export class Chains {
  private readonly ends = new Map<string, ChainEnd>();
  /** What the newest entries changed, oldest first: as far back as a seal may reach, and at most as much again. */
  private recent: Change[] = [];
  private next = 0;
  private before = FIRST_PREV;
  private time = "";

  constructor(private readonly origin: string) {}

  /** Takes the next entry, or refuses it for not going on where the log ended; `log` is another than the log's for generations. */
  follow(entry: Entry, leaf: Bytes, log = this.origin): void {
    if (entry.log !== log) throw new Refusal("other_log", "entry.log", "the log's origin");
    demand(entry.seq === this.next, "entry.seq", "the next position");
    demand(entry.prev === this.before, "entry.prev", "the leaf hash before");
    // The form has a fixed width, so times are ordered like their texts.
    demand(entry.time >= this.time, "entry.time", "no earlier time than before");
    const hex = toHex(leaf);
    for (const link of entry.chains) this.followLink(entry, link, hex);
    [this.next, this.before, this.time] = [this.next + 1, hex, entry.time];
  }

  private followLink(entry: Entry, { n, of, prev }: ChainLink, leaf: string): void {
    const id = `${of} ${entry[of] ?? ""}`;
    const end = this.ends.get(id);
    const goesOn =
      end === undefined ? n === 0 : n === end.n + 1 && prev?.leaf === end.leaf && prev.seq === end.seq;
    demand(goesOn, "entry.chains", `a ${of} that goes on where it ended`);
    this.ends.set(id, { of, id: entry[of] ?? "", n, leaf, seq: entry.seq });
    this.recent.push({ seq: entry.seq, id, before: end });
    // Two chains an entry at most.
    if (this.recent.length > 4 * LAG_ENTRIES_MAX) {
      this.recent = this.recent.filter(({ seq }) => seq + LAG_ENTRIES_MAX >= entry.seq);
    }
  }

  /** The ends that the chains had when the log had that many entries; not longer ago than a seal may reach. */
  endsAt(size: number): ChainEnd[] {
    const then = new Map<string, ChainEnd | undefined>();
    // From the newest to the oldest, so that the oldest change of a chain tells what was before all of them.
    for (let at = this.recent.length - 1; at >= 0; at -= 1) {
      const change = this.recent[at];
      if (change === undefined || change.seq < size) break;
      then.set(change.id, change.before);
    }
    return [...this.ends].flatMap(([id, end]) => (then.has(id) ? (then.get(id) ?? []) : end));
  }
}

function demand(holds: boolean, place: string, expected: string): void {
  if (!holds) throw new Refusal("chain_break", place, expected);
}
