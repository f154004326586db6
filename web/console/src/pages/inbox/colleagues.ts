// Who has a desk, by account: names beside messages, and whom to transfer to.

import { reactive } from "vue";
import { Problem, call } from "../../api";
import type { Colleague } from "../../types";

export const colleagues = reactive({ all: [] as Colleague[] });

export async function readColleagues(): Promise<void> {
  try {
    colleagues.all = (await call<{ agents: Colleague[] }>("GET", "/agent/colleagues")).agents;
  } catch (error) {
    // Names are an addition: without them identifiers are shown.
    if (!(error instanceof Problem)) throw error;
  }
}

export function nameOf(account: string | null): string {
  if (account === null) return "";
  return colleagues.all.find((one) => one.account === account)?.name ?? account.slice(0, 6);
}
