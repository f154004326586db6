// Values behind masks: what the server tells of requests to open them, and what that means for whoever looks.

import { call } from "../../api";

/** Something that somebody did: the account's pseudonym, its entry, and when. */
export interface Act {
  by: string;
  index: number;
  time: string;
}

export type UnmaskingState = "requested" | "granted" | "denied" | "used" | "lapsed";

/** A request to open a masked value. The value is not in it. */
export interface Unmasking {
  id: string;
  state: UnmaskingState;
  conversation: string;
  subject: string;
  message: string;
  span: number;
  entity: string;
  class: string;
  reason: string;
  /** Until when it may be opened and shown. */
  until: string | null;
  requested: Act;
  decided: Act | null;
  used: Act | null;
}

/** An opened value; it is told once. */
export interface OpenedValue {
  value: string;
  until: string;
  used: Act;
}

/** A message of a conversation, and the entry that its masks answer to. */
export interface Place {
  conversation: string;
  message: string;
  of: number;
}

/** Reasons are words of a closed list, because an entry is never erased. */
export const REASONS = ["fraud", "dispute", "identity", "correction", "authority", "incident"] as const;

const valueAt = ({ message, of }: Place, span: number) => ({ message, span, of });

export const request = (place: Place, span: number, reason: string) =>
  call<Unmasking>("POST", `/agent/conversations/${place.conversation}/unmaskings`, {
    body: { value: valueAt(place, span), reason },
  });

export const match = (place: Place, span: number, said: string) =>
  call<{ same: boolean }>("POST", `/agent/conversations/${place.conversation}/matches`, {
    body: { value: valueAt(place, span), said },
  }).then(({ same }) => same);

export const unmasking = (id: string) => call<Unmasking>("GET", `/unmaskings/${id}`);

export const unmaskings = (subject: string) =>
  call<{ unmaskings: Unmasking[] }>("GET", "/unmaskings", { query: { subject } }).then(
    (told) => told.unmaskings,
  );

export const open = (id: string) => call<OpenedValue>("POST", `/unmaskings/${id}/open`);

export type Decision = "approve" | "reject";

export const decide = (id: string, way: Decision) => call<Unmasking>("POST", `/unmaskings/${id}/${way}`);

/** What somebody may do about a request: whoever made it never approves it. */
export function waysOf({ state, requested }: Unmasking, me: string, mayApprove: boolean): Decision[] {
  if (state !== "requested" || !mayApprove) return [];
  return requested.by === me ? ["reject"] : ["approve", "reject"];
}

/** How long a value may stay on screen, in milliseconds, by the server's clock alone. */
export function leftMs({ until, used }: OpenedValue): number {
  return Math.max(0, Date.parse(until) - Date.parse(used.time));
}
