/**
 * What a page keeps between its loads: the visitor's token, messages that were not taken yet, and how things look.
 *
 * It lies in the tab's own storage, so that the next person at the machine finds nothing; a page that says
 * `data-remember` keeps it in the browser instead. Where storage is forbidden, memory does until the page is left.
 */
import type { Wish } from "./wire";

/** A message that waits to be taken; its key makes that it counts once, however often it is sent. */
export interface Waiting {
  key: string;
  text: string;
  time: number;
}

export interface Kept {
  token?: string;
  /** When the token was given, in milliseconds of this machine's clock. */
  since?: number;
  outbox: Waiting[];
  /** Index of the newest message that was read. */
  read: number;
  /** Since when the customer waits, by conversation. */
  waits?: { conversation: string; since: number };
  /** A wish that was not taken yet. */
  wish?: Wish;
  size: number;
  language?: "zh-CN" | "en";
  open: boolean;
  /** The log's public key as it was first seen. */
  vkey?: string;
}

const NOTHING: Kept = { outbox: [], read: -1, size: 0, open: false };

export class Keep {
  readonly #name: string;
  readonly #storage: Storage | undefined;
  readonly now: Kept;

  constructor(account: string, remember: boolean) {
    this.#name = `lww:${account}`;
    this.#storage = storage(remember);
    this.now = { ...NOTHING, ...this.#read() };
  }

  /** Changes some of it and writes all down. */
  set(change: Partial<Kept>): void {
    Object.assign(this.now, change);
    try {
      this.#storage?.setItem(this.#name, JSON.stringify(this.now));
    } catch {
      // Full: what is in memory goes on.
    }
  }

  /** Forgets the person; how things look stays. */
  forget(): void {
    const { size, language, open } = this.now;
    for (const name of Object.keys(this.now) as (keyof Kept)[]) delete this.now[name];
    this.set({ ...NOTHING, outbox: [], size, open, ...(language === undefined ? {} : { language }) });
  }

  #read(): Partial<Kept> {
    try {
      return JSON.parse(this.#storage?.getItem(this.#name) ?? "{}") as Partial<Kept>;
    } catch {
      return {};
    }
  }
}

function storage(remember: boolean): Storage | undefined {
  try {
    return remember ? localStorage : sessionStorage;
  } catch {
    return undefined;
  }
}
