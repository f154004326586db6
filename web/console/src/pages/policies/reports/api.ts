// What the desk reports of masks, as officers work on it.

import { call } from "../../../api";
import type { Report, Span } from "../../../types";

export interface ReportInFull {
  report: Report;
  text: string;
  spans: Span[];
  /** The reported place; `null`: the message was masked again since. */
  place: { start: number; end: number } | null;
}

export interface TestCase {
  report: Report;
  in: string;
  agent: string | null;
  /** The test as a line of the file's `tests`. */
  yaml: string;
}

export const REASONS = ["not_sensitive", "intended", "covered", "duplicate"] as const;

const ROOT = "/policies/masking/reports";

export const listed = () => call<{ reports: Report[] }>("GET", ROOT).then((told) => told.reports);
export const inFull = (id: string) => call<ReportInFull>("GET", `${ROOT}/${id}`);
export const draft = (id: string) => call<TestCase>("POST", `${ROOT}/${id}/draft`);
export const decline = (id: string, reason: string) =>
  call<undefined>("POST", `${ROOT}/${id}/decline`, { body: { reason } });
