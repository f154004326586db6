// Who watches the ledger besides those who write it, and what each of them has seen: judged for people who decide, not for those
// who operate. What is bad says what to do.

import { call } from "../../api";

export interface Custody {
  origin: string;
  key: string;
  head: { size: number; signed_at: string } | null;
  published: { size: number; at: string } | null;
  quorum: string | null;
  witnesses: {
    name: string;
    url: string | null;
    size: number | null;
    at: string | null;
    state: "cosigned" | "behind" | "refused" | "unreachable" | "unasked";
    reason: string | null;
    since: string | null;
  }[];
  mirror: {
    target: string | null;
    size: number | null;
    at: string | null;
    state: "current" | "behind" | "unreachable" | "differs" | "off";
    reason: string | null;
  };
  seal: { index: number; upto: number; at: string } | null;
  self_audit: {
    at: string | null;
    looked_to: number | null;
    findings: number;
    state: "idle" | "running" | "found";
  };
}

export const custody = () => call<Custody>("GET", "/ledger/custody");

/** From what needs nothing to what can't wait. */
export const LEVELS = ["good", "quiet", "warn", "bad"] as const;
export type Level = (typeof LEVELS)[number];
export type Of = "head" | "published" | "witness" | "witnesses" | "mirror" | "seal" | "self_audit";

/** One who watches, or one thing that is looked after. */
export interface Watcher {
  of: Of;
  /** Its own name, where it has one. */
  name: string | null;
  /** The word for how it is, of its own. */
  state: string;
  level: Level;
  /** Entries from the first on that it has seen. */
  size: number | null;
  /** Entries of the newest head that it has not seen yet. */
  behind: number | null;
  at: string | null;
  findings: number;
  /** What the server says of it, for whoever operates it. */
  reason: string | null;
}

const HOUR_MS = 3_600_000;
/** Chains are sealed once a day. */
const SEAL_LATE_MS = 26 * HOUR_MS;

const WITNESS_LEVELS = {
  cosigned: "good",
  behind: "warn",
  refused: "bad",
  unreachable: "warn",
  unasked: "quiet",
} as const satisfies Record<string, Level>;
const MIRROR_LEVELS = {
  current: "good",
  behind: "warn",
  unreachable: "warn",
  differs: "bad",
  off: "quiet",
} as const satisfies Record<string, Level>;

/** Judges what the server tells; `before` is what it told a while ago, as only what stands still is late. */
export function watchers(told: Custody, before: Custody | null, now: number): Watcher[] {
  const end = told.head?.size ?? told.published?.size ?? 0;
  const watcher = (
    of: Of,
    [state, level]: readonly [string, Level],
    size: number | null,
    at: string | null,
    more: Partial<Watcher> = {},
  ): Watcher => ({
    ...{ of, state, level, size, at, name: null, reason: null, findings: 0 },
    behind: size === null ? null : Math.max(0, end - size),
    ...more,
  });
  const { head, published, mirror, seal, self_audit: own } = told;
  const witnesses = told.witnesses.map(({ name, state, size, at, reason }) =>
    watcher("witness", [state, WITNESS_LEVELS[state]], size, at, { name, reason }),
  );
  return [
    watcher("head", head === null ? ["absent", "warn"] : ["there", "good"], end, head?.signed_at ?? null),
    watcher("published", publication(told, before), published?.size ?? null, published?.at ?? null),
    ...(witnesses.length > 0 ? witnesses : [watcher("witnesses", ["none", "warn"], null, null)]),
    watcher("mirror", [mirror.state, MIRROR_LEVELS[mirror.state]], mirror.size, mirror.at, {
      name: mirror.target,
      reason: mirror.reason,
    }),
    watcher("seal", sealing(told, now), seal?.upto ?? null, seal?.at ?? null),
    watcher("self_audit", looking(told), own.looked_to, own.at, { findings: own.findings }),
  ];
}

function publication(told: Custody, before: Custody | null): [string, Level] {
  const { published, head } = told;
  if (published === null) return ["never", "warn"];
  if (head === null || published.size >= head.size) return ["current", "good"];
  const stands = before?.published?.size === published.size && (before.head?.size ?? 0) > published.size;
  return stands ? ["waits", "bad"] : ["current", "good"];
}

function sealing({ seal, head }: Custody, now: number): [string, Level] {
  if (seal === null) return ["never", "quiet"];
  const isOpen = (head?.size ?? 0) > seal.index + 1;
  return isOpen && now - Date.parse(seal.at) > SEAL_LATE_MS ? ["late", "warn"] : ["sealed", "good"];
}

function looking({ self_audit: { at, findings, state } }: Custody): [string, Level] {
  if (state === "found" || findings > 0) return ["found", "bad"];
  if (state === "running") return ["running", "good"];
  return at === null ? ["never", "quiet"] : ["idle", "good"];
}

/** The worst of them. */
export function worst(all: readonly Watcher[]): Level {
  return LEVELS[Math.max(0, ...all.map(({ level }) => LEVELS.indexOf(level)))] ?? "good";
}

/** How many of whom, where a quorum is as simple as that. */
export function simple(quorum: string): { count: number; of: number } | null {
  const [, count, names] = /^(\d+) of \(([^()]+)\)$/.exec(quorum) ?? [];
  return count === undefined || names === undefined
    ? null
    : { count: Number(count), of: names.split(",").length };
}

/** Links of the chain in the picture. */
export const LINKS = 12;
const FIRST_STEPS = [0, 1, 3];

/** How many links of the chain are lit for one who is so far behind: each further one stands for about three times as many entries. */
export function lit(behind: number | null): number {
  if (behind === null) return 0;
  let [step, at] = [0, 0];
  while (at < LINKS && behind > step) {
    at += 1;
    step = FIRST_STEPS[at] ?? step * 3;
  }
  return Math.max(1, LINKS - at);
}
