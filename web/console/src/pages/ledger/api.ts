// What the server says of its ledger. Nothing of it is believed before the verifier has looked at it.

import { Problem, call } from "../../api";

export interface Head {
  vkey: string;
  size: number | null;
  root: string | null;
  checkpoint: string | null;
}

export interface Listed {
  index: number;
  leaf: string;
  /** The exact text that was hashed. */
  entry: string;
}

export interface Page {
  entries: Listed[];
  next: number | null;
  size: number;
}

export interface Filter {
  kind: string;
  conversation: string;
  actor: string;
}

export const head = () => call<Head>("GET", "/ledger/head");

export interface LogKeys {
  /** The newest first. */
  in_use: string[];
  /** Every change, the oldest first: its entry, and the statement that the old key and the new one have signed. */
  rotations: { index: number; statement: string }[];
  /** What the log declares of its gaps, the oldest first. */
  generations: string[];
}

export const keys = () => call<LogKeys>("GET", "/ledger/keys");

export const before = (filter: Filter, index: number | null, limit: number, signal: AbortSignal) =>
  call<Page>("GET", "/ledger/entries", { query: { ...filter, before: index, limit }, signal });

/** Waits up to 25 seconds for something new. */
export const after = (filter: Filter, index: number, limit: number, signal: AbortSignal) =>
  call<Page>("GET", "/ledger/entries", { query: { ...filter, after: index, limit, wait_s: 25 }, signal });

export const proof = (index: number) =>
  published(() => call<string>("GET", `/ledger/entries/${index}/proof`));

export const consistency = (from: number, to: number) =>
  published(() => call<{ path: string[] }>("GET", "/ledger/consistency", { query: { from, to } }));

const TRIES = 8;

/** Asks again as the server says: what was signed a moment ago is published a moment later. */
async function published<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "not_published" || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, (error.retryAfterS ?? 1) * 1_000));
    }
  }
}
