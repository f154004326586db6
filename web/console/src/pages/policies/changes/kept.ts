// A policy that somebody writes outlives a closed page; it is no customer's data, and goes when it is proposed.

import { session } from "../../../session";

const name = () => `lww.policy-draft.${session.info?.account ?? ""}`;
/** The reports of the desk that it answers. */
const answers = () => `lww.policy-answers.${session.info?.account ?? ""}`;

export const kept = {
  get: () => localStorage.getItem(name()),
  put: (text: string) => localStorage.setItem(name(), text),
  reports: () => JSON.parse(localStorage.getItem(answers()) ?? "[]") as string[],
  answer: (report: string) =>
    localStorage.setItem(answers(), JSON.stringify([...new Set([...kept.reports(), report])])),
  forget: () => [name(), answers()].forEach((one) => localStorage.removeItem(one)),
};
