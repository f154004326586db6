// Everybody who may log in, for those who may read it.

import { call } from "./api";
import type { Account } from "./types";

const PAGE = 200;
/** Far more accounts than a bank gives out; a list without an end is not followed for ever. */
const PAGES_MAX = 100;

interface Page {
  accounts: Account[];
  next: string | null;
}

/** Reads every account, page by page. */
export async function readAccounts(): Promise<Account[]> {
  const all: Account[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query: Record<string, string | number | null> = { after, limit: PAGE };
    const { accounts, next }: Page = await call("GET", "/admin/accounts", { query });
    all.push(...accounts);
    if (accounts.length < PAGE || !next) break;
    after = next;
  }
  return all;
}
