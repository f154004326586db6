// Policies that run over what was said before or beside the one in force, and drafts that officers keep on the server.

import { call } from "../../../api";

export interface Counts {
  entity: string;
  more_masked: number;
  less_masked: number;
  otherwise: number;
  same: number;
}

export type Shift = "more_masked" | "less_masked" | "otherwise";

export interface Sample {
  conversation: string;
  entry: number;
  time: string;
  /** As whoever asks may see it today, and with what the draft hides more. */
  now: string;
  then: string;
  changes: { entity: string; way: Shift; views: string[] }[];
}

export interface Report {
  looked_at: number;
  differ: number;
  show_more: number;
  left_out: number;
  entities: Counts[];
  samples: Sample[];
}

export interface Progress {
  done: number;
  all: number;
}

export interface Preview {
  id: string;
  state: "running" | "done" | "cancelled" | "failed";
  progress: Progress | null;
  kept_until: string | null;
  untried_allowed: number;
  report: Report;
}

export interface Run {
  id: string;
  state: "running" | "done" | "cancelled" | "time_over" | "overtaken";
  digest: string;
  entry: number;
  begun: string;
  until: string | null;
  ended: string | null;
  progress: Progress;
  masked: number;
  report: Report | null;
}

export interface Draft {
  id: string;
  name: string;
  source: string;
  version: number;
  by: string;
  time: string;
}

const ROOT = "/policies/masking";

export const preview = (source: string, last: number) =>
  call<Preview>("POST", `${ROOT}/previews`, { body: { source, last } });
export const previewOf = (id: string) => call<Preview>("GET", `${ROOT}/previews/${id}`);
export const endPreview = (id: string) => call<undefined>("DELETE", `${ROOT}/previews/${id}`);

export type Kind = "shadow" | "remasking";
export const newest = (kind: Kind) =>
  call<{ run: Run | null }>("GET", `${ROOT}/${kind}`).then(({ run }) => run);
export const begin = (kind: Kind, body: { source?: string; hours?: number }) =>
  call<Run>("POST", `${ROOT}/${kind}`, { body });
export const end = (kind: Kind) => call<undefined>("DELETE", `${ROOT}/${kind}`);

export const drafts = () => call<{ drafts: Draft[] }>("GET", `${ROOT}/drafts`).then((told) => told.drafts);
/** Keeps a draft: a new one, or the next version of one. */
export const save = (of: Draft | null, name: string, source: string) =>
  of === null
    ? call<Draft>("POST", `${ROOT}/drafts`, { body: { name, source } })
    : call<Draft>("PUT", `${ROOT}/drafts/${of.id}`, { body: { name, source, version: of.version } });
export const remove = (id: string) => call<undefined>("DELETE", `${ROOT}/drafts/${id}`);

/** How far something is, in whole percent; all of nothing is done. */
export function percent({ done, all }: Progress): number {
  return all === 0 ? 100 : Math.min(100, Math.floor((done * 100) / all));
}

/** What differs, most first: what is shown more of is looked at before anything else. */
export function sorted(counts: Counts[]): Counts[] {
  const weight = (one: Counts) => one.less_masked * 1e12 + (one.more_masked + one.otherwise) * 1e6 + one.same;
  return [...counts].sort(
    (one, other) => weight(other) - weight(one) || one.entity.localeCompare(other.entity),
  );
}
