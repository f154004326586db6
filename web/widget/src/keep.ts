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
  waits?: { conversation: string; since: number } | undefined;
  /** A wish that was not taken yet. */
  wish?: Wish | undefined;
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

  /** `gone` is called when another tab of the same browser forgot the person. */
  constructor(account: string, remember: boolean, gone: () => void = () => {}) {
    this.#name = `lww:${account}`;
    this.#storage = storage(remember);
    this.now = { ...NOTHING, ...this.#read() };
    if (!remember) return;
    addEventListener("storage", ({ key, newValue }) => {
      if ((key === this.#name || key === null) && this.now.token && !token(newValue)) gone();
    });
  }

  /** Changes some of it and writes that down; what another tab has written beside it stays. `undefined` takes away. */
  set(change: { [Name in keyof Kept]?: Kept[Name] | undefined }): void {
    Object.assign(this.now, change);
    this.#write({ ...this.#read(), ...change });
  }

  /** Adds a message that waits. */
  put(waiting: Waiting): void {
    this.set({ outbox: [...this.#outbox(), waiting] });
  }

  /** Takes a message out that waits no more. */
  drop(key: string): void {
    this.set({ outbox: this.#outbox().filter((waiting) => waiting.key !== key) });
  }

  /** Forgets the person; how things look stays. */
  forget(): void {
    const { size, language, open } = this.now;
    for (const name of Object.keys(this.now) as (keyof Kept)[]) delete this.now[name];
    Object.assign(this.now, NOTHING, { size, open }, language === undefined ? {} : { language });
    this.#write(this.now);
  }

  /** What waits in any tab. */
  #outbox(): Waiting[] {
    return this.#read().outbox ?? this.now.outbox;
  }

  #read(): Partial<Kept> {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#name) ?? "{}") as Partial<Kept>;
      if (!Array.isArray(kept.outbox)) delete kept.outbox;
      return kept;
    } catch {
      return {};
    }
  }

  #write(kept: object): void {
    try {
      this.#storage?.setItem(this.#name, JSON.stringify(kept));
    } catch {
      // Full: what is in memory goes on.
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

function token(kept: string | null): string | undefined {
  try {
    return (JSON.parse(kept ?? "{}") as Partial<Kept>).token;
  } catch {
    return undefined;
  }
}
