// A policy that somebody writes outlives a closed page; it is no customer's data, and goes when it is proposed.

import { session } from "../../../session";

const name = () => `lww.policy-draft.${session.info?.account ?? ""}`;

export const kept = {
  get: () => localStorage.getItem(name()),
  put: (text: string) => localStorage.setItem(name(), text),
  forget: () => localStorage.removeItem(name()),
};
