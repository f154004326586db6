// What somebody at the desk reports of masks: a place in a message that should be masked and isn't, or is and should not be.

import { inject, provide, shallowReactive } from "vue";
import type { InjectionKey } from "vue";
import { call } from "../../api";
import type { Report } from "../../types";

/** The message that a text belongs to; texts that belong to none can't be reported. */
export interface Reportable {
  conversation: string;
  index: number;
}

const KEY: InjectionKey<() => Reportable> = Symbol("message");

export const provideMessage = (message: () => Reportable): void => provide(KEY, message);
export const useMessage = (): (() => Reportable) | null => inject(KEY, null);

/** One's own reports, by conversation. */
export const reports = shallowReactive(new Map<string, Report[]>());

export async function readReports(): Promise<void> {
  const told = await call<{ reports: Report[] }>("GET", "/agent/reports");
  reports.clear();
  for (const one of told.reports)
    reports.set(one.conversation, [...(reports.get(one.conversation) ?? []), one]);
}

export async function report(
  message: Reportable,
  misread: Report["misread"],
  place: { start: number; end: number },
): Promise<void> {
  await call<Report>("POST", "/agent/reports", { body: { ...message, misread, ...place } });
  await readReports();
}
