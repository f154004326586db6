// Changes of the masking policy: what the server tells of them, and what that means for whoever looks.

import { call } from "../../../api";
import type { ViewRule } from "../api";

/** Something that somebody did: the account's pseudonym, its entry, and when. */
export interface Act {
  by: string;
  index: number;
  time: string;
}

export interface Change {
  id: string;
  state: "proposed" | "rejected" | "scheduled" | "activated";
  digest: string;
  against: string;
  /** Another policy came into force since, so that this one can't any more. */
  overtaken: boolean;
  only_masks_more: boolean;
  effective: string | null;
  proposed: Act;
  approved: Act[];
  required: number;
  roles: string[];
  decided: Act | null;
  review_due: string | null;
  reviewed: Act | null;
}

export interface Difference {
  aspect: string;
  way: "stricter" | "sideways" | "weaker";
  before: string;
  after: string;
}

export type Remark =
  | { remark: "few_candidates"; entity: string; views: string[]; mask: string; left: number }
  | { remark: "unknown_role"; role: string }
  | { remark: "nobody_agrees"; entity: string }
  | { remark: "nobody_approves" }
  | { remark: "short_literal"; literal: string }
  | { remark: "trap"; rule: string; part: string; instead: string }
  | { remark: "unreachable"; rule: string; same_as: string | null }
  | { remark: "no_clean_test" };

export interface Failure {
  detail: string;
  test: { number: number; view: string; expected: string; got: string } | null;
}

export interface Assessment {
  id: string;
  version: number;
  digest: string;
  against: string;
  only_masks_more: boolean;
  differences: Difference[];
  remarks: Remark[];
  failures: Failure[];
}

export interface ChangeInFull {
  amendment: Change;
  source: string;
  assessment: Assessment;
}

const ROOT = "/policies/masking/amendments";

export const changes = () => call<{ amendments: Change[] }>("GET", ROOT).then((told) => told.amendments);
export const inFull = (id: string) => call<ChangeInFull>("GET", `${ROOT}/${id}`);
export const assess = (source: string, signal?: AbortSignal) =>
  call<Assessment>("POST", "/policies/masking/assess", { body: { source }, ...(signal ? { signal } : {}) });
export const propose = (
  source: string,
  when: { effective?: string; at_once?: boolean },
  reports: string[] = [],
) => call<Change>("POST", ROOT, { body: { source, ...when, ...(reports.length > 0 ? { reports } : {}) } });
export const decide = (id: string, way: Way) => call<unknown>("POST", `${ROOT}/${id}/${way}`);

export type Way = "approve" | "reject" | "withdraw" | "review";

/** What somebody may do about a change: its author takes it back and never consents, nobody consents twice. */
export function waysOf(
  change: Change,
  me: { account: string; role: string },
  may: { approve: boolean; propose: boolean },
): Way[] {
  const { state, overtaken, proposed, approved, roles, review_due } = change;
  const isOwn = proposed.by === me.account;
  const ways: Way[] = [];
  if (state === "proposed" && !overtaken && may.approve && !isOwn && roles.includes(me.role)) {
    if (!approved.some(({ by }) => by === me.account)) ways.push("approve");
  }
  if (state === "proposed" || state === "scheduled") {
    if (isOwn && may.propose) ways.push("withdraw");
    else if (!isOwn && may.approve) ways.push("reject");
  }
  if (review_due !== null && may.approve && !isOwn) ways.push("review");
  return ways;
}

/** What differs, taken apart: `cn.mobile.views.agent` is what the view `agent` shows of `cn.mobile`. */
export function partsOf(aspect: string): { entity: string | null; of: string; view: string | null } {
  if (aspect.endsWith(".pattern"))
    return { entity: aspect.slice(0, -".pattern".length), of: "pattern", view: null };
  const seen = /^(.+)\.views\.([a-z]+)$/.exec(aspect);
  if (seen?.[1] !== undefined && seen[2] !== undefined) return { entity: seen[1], of: "view", view: seen[2] };
  const detected = /^(.+)\.detect\.([a-z_]+)$/.exec(aspect);
  if (detected?.[1] !== undefined && detected[2] !== undefined) {
    return { entity: detected[1], of: detected[2], view: null };
  }
  for (const of of ["class", "reversible", "leaving"])
    if (aspect.endsWith(`.${of}`)) return { entity: aspect.slice(0, -of.length - 1), of, view: null };
  if (["id", "approvals", "allow"].includes(aspect)) return { entity: null, of: aspect, view: null };
  return { entity: aspect, of: "rule", view: null };
}

/** A mask as a policy file writes it; `null`: it is none. */
export function maskOf(written: string): ViewRule | null {
  if (written === "drop") return { operator: "drop" };
  if (written === "keep: all") return { operator: "keep_all" };
  const keep = /^keep: \{first: (\d+), last: (\d+)\}$/.exec(written);
  if (keep) return { operator: "keep", first: Number(keep[1]), last: Number(keep[2]) };
  const replace = /^replace: "<([A-Z_]+)_\{n\}>"$/.exec(written);
  if (replace?.[1] !== undefined) return { operator: "replace", name: replace[1] };
  const token = /^token: hmac, key: (.+)$/.exec(written);
  return token?.[1] === undefined ? null : { operator: "token", key: token[1] };
}

/** Where a difference is, when it is not everywhere: `channel/web: cn.mobile.views.agent`. */
export function placeOf(aspect: string): { where: string | null; aspect: string } {
  const [, where, rest] = /^((?:tenant|channel|purpose)\/[^:]+): (.+)$/.exec(aspect) ?? [];
  return where === undefined || rest === undefined ? { where: null, aspect } : { where, aspect: rest };
}
