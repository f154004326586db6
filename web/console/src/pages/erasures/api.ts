// Erasures and legal holds: what the server tells of them, and what that means for whoever looks.

import { call } from "../../api";

/** Something that somebody did: the account's pseudonym, its entry, and when. */
export interface Act {
  by: string;
  index: number;
  time: string;
}

export interface Erasure {
  id: string;
  subject: string;
  state: "proposed" | "rejected" | "erased";
  reason: string;
  /** Whether the epoch ends at once, and every older backup with it. */
  now: boolean;
  proposed: Act;
  decided: Act | null;
}

export interface Hold {
  id: string;
  subject: string;
  reason: string;
  placed: Act;
  released: Act | null;
}

interface ProvenEntry {
  index: number;
  time: string;
  /** Nothing while no published checkpoint covers the entry. */
  proof: string | null;
}

export interface Certificate {
  subject: string;
  vkey: string;
  erased: ProvenEntry;
  epochs: { epoch: number; fingerprint: string | null; destroyed: ProvenEntry | null }[];
  destroyed_at: string | null;
  due: string | null;
  note: string;
}

/** Reasons are words of closed lists, because an entry is never erased. */
export const ERASURE_REASONS = [
  "consent_withdrawn",
  "retention_over",
  "not_needed",
  "objection",
  "unlawful",
  "legal_obligation",
] as const;
export const HOLD_REASONS = ["litigation", "authority", "investigation", "complaint"] as const;

export const erasures = () => call<{ erasures: Erasure[] }>("GET", "/erasures").then((told) => told.erasures);

export const propose = (subject: string, reason: string, now: boolean) =>
  call<Erasure>("POST", "/erasures", { body: { subject, reason, now } });

export const decide = (id: string, way: Decision) => call<unknown>("POST", `/erasures/${id}/${way}`);

export const certificate = (id: string) => call<Certificate>("GET", `/erasures/${id}/certificate`);

export const holds = () => call<{ holds: Hold[] }>("GET", "/holds").then((told) => told.holds);

export const place = (subject: string, reason: string) =>
  call<Hold>("POST", "/holds", { body: { subject, reason } });

export const release = (id: string) => call<void>("DELETE", `/holds/${id}`);

/** A customer's pseudonym, as entries have it. */
export const isPseudonym = (text: string) => /^[0-9a-f]{32}$/.test(text);

export type Decision = "approve" | "reject";

/** What somebody may do about a proposal: whoever made it can take it back, and never approve it. */
export function waysOf({ state, proposed }: Erasure, me: string, mayApprove: boolean): Decision[] {
  if (state !== "proposed" || !mayApprove) return [];
  return proposed.by === me ? ["reject"] : ["approve", "reject"];
}

/** One end of the time line of an erasure. */
export interface Instant {
  of: "erased" | "destroyed";
  /** `due`: by that time at the latest; `open`: nobody can say yet. */
  state: "over" | "due" | "open";
  at: string | null;
  /** The entries that say so. */
  entries: number[];
}

/** The two instants: nothing here opens the data any more; nothing anywhere does. */
export function instants({ erased, epochs, destroyed_at, due }: Certificate): [Instant, Instant] {
  const entries = epochs.flatMap(({ destroyed }) => (destroyed === null ? [] : [destroyed.index]));
  const state = destroyed_at !== null ? "over" : due !== null ? "due" : "open";
  return [
    { of: "erased", state: "over", at: erased.time, entries: [erased.index] },
    { of: "destroyed", state, at: destroyed_at ?? due, entries },
  ];
}

/** The files of a certificate, as `lww subject certificate --to` writes them; `lww-verify proof` verifies the entries. */
export function filesOf(one: Certificate): { name: string; input: string }[] {
  const entries = [one.erased, ...one.epochs.flatMap(({ destroyed }) => destroyed ?? [])];
  return [
    { name: "certificate.json", input: `${JSON.stringify(one, null, 2)}\n` },
    { name: "certificate.note", input: one.note },
    ...entries.flatMap(({ index, proof }) =>
      proof === null ? [] : [{ name: `entry-${index}.tlog-proof`, input: proof }],
    ),
  ];
}
