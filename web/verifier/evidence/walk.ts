/** Follows the scopes of a package through entries that are proven to be in the log, and finds what is left out of them. */
import type { ChainOf, Entry } from "../entry";
import { malformed, Refusal } from "../refusal";
import type { ChainEnd } from "../seal";
import { Gap } from "./finding";
import type { Scope } from "./manifest";

/** One chain, as far as it was followed. */
export class Chained {
  constructor(
    readonly of: ChainOf,
    readonly id: string,
    private end?: ChainEnd,
  ) {}

  /** Goes on with an entry, if it is of the chain, and says whether it is. */
  follow(entry: Entry, leaf: string): boolean {
    const link = entry[this.of] === this.id && entry.chains.find(({ of }) => of === this.of);
    if (!link) return false;
    const { n, prev } = link;
    if (prev !== null && n > this.next) throw this.leftOut(n - 1, prev.seq);
    if (n !== this.next) throw broken(`chains ${this.of} n`, `${this.next}`);
    if (prev?.seq !== this.end?.seq || prev?.leaf !== this.end?.leaf) {
      throw broken(`chains ${this.of} prev`, "the chain's entry before");
    }
    this.end = { of: this.of, id: this.id, n, seq: entry.seq, leaf };
    return true;
  }

  /** Compares with where the chain ends in the log. */
  reaches(there: Chained): void {
    const [found, end] = [this.end, there.end];
    if (end === undefined) {
      if (found === undefined) return;
      throw malformed("seal", "a seal that knows the chain as far as the package");
    }
    if (this.next <= end.n) throw this.leftOut(end.n, end.seq);
    if (found?.n !== end.n || found.seq !== end.seq || found.leaf !== end.leaf) {
      throw malformed("seal", "a seal that agrees with the chain's entries");
    }
  }

  private get next(): number {
    return this.end === undefined ? 0 : this.end.n + 1;
  }

  private leftOut(last: number, lastEntry: number): Gap {
    return new Gap({ of: this.of, id: this.id, first: this.next, last, lastEntry });
  }
}

/** A time, and which entries of it were met. */
class Timed {
  private found?: { readonly first: number; readonly last: number };
  /** The newest entry before, and the oldest after, that the context shows. */
  private before?: number;
  private after?: number;

  constructor(
    private readonly from: string,
    private readonly to: string,
  ) {}

  follow({ seq, time }: Entry): boolean {
    if (time < this.from || time >= this.to) return false;
    if (this.found !== undefined && this.found.last + 1 !== seq) throw gap(this.found.last + 1, seq - 1);
    this.found = { first: this.found?.first ?? seq, last: seq };
    return true;
  }

  /** Looks at an entry of the context, which tells where the time begins or ends. */
  bound({ seq, time }: Entry): void {
    if (time < this.from) this.before = seq;
    else if (time >= this.to) this.after = Math.min(this.after ?? seq, seq);
    else if (this.found === undefined || seq < this.found.first || seq > this.found.last) throw gap(seq, seq);
  }

  /** Compares what was met with all between the entry before and the entry after. */
  reaches(size: number): void {
    const [first, behind] = [this.before === undefined ? 0 : this.before + 1, this.after ?? size];
    if (this.found === undefined) {
      if (first < behind) throw gap(first, behind - 1);
      return;
    }
    if (this.found.first > first) throw gap(first, this.found.first - 1);
    if (this.found.last + 1 < behind) throw gap(this.found.last + 1, behind - 1);
    if (this.found.first !== first || this.found.last + 1 !== behind) {
      throw malformed("entry.time", "a context that agrees with the times of the entries");
    }
  }
}

function gap(first: number, last: number): Gap {
  return new Gap({ of: "log", first, last });
}

/** Refuses an entry that does not link; the place names the link. */
export function broken(link: string, expected: string): Refusal {
  return new Refusal("chain_break", link, expected);
}

/** All scopes of a package. */
export class Walk {
  readonly chains: readonly Chained[];
  private readonly times: readonly Timed[];

  constructor(scopes: readonly Scope[]) {
    this.chains = scopes.flatMap((scope) => (scope.of === "range" ? [] : [new Chained(scope.of, scope.id)]));
    this.times = scopes.flatMap((scope) => (scope.of === "range" ? [new Timed(scope.from, scope.to)] : []));
  }

  /** Goes on with an entry of the package; says whether it is of any scope. */
  follow(entry: Entry, leaf: string): boolean {
    const asked = this.chains.map((chain) => chain.follow(entry, leaf));
    return [...asked, ...this.times.map((time) => time.follow(entry))].includes(true);
  }

  bound(entry: Entry): void {
    for (const time of this.times) time.bound(entry);
  }

  timesReach(size: number): void {
    for (const time of this.times) time.reaches(size);
  }
}
