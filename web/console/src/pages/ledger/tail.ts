// The ledger's newest entries, as they come; older ones by the page.

import { onScopeDispose, reactive, watch } from "vue";
import * as api from "./api";

const PAGE = 50;
/** What a tab holds at most; who wants older ones filters. */
const ENTRIES_MAX = 10_000;
const AGAIN_MS = 3_000;

export interface Tail {
  /** Newest first. */
  entries: api.Listed[];
  /** Those that came while this page was open. */
  fresh: Set<number>;
  /** What to give as `before` for older ones; `null`: these are all. */
  next: number | null;
  isUnderWay: boolean;
  isLoaded: boolean;
  error: unknown;
  more: () => Promise<void>;
  again: () => void;
}

export function useTail(filter: () => api.Filter): Tail {
  const tail = reactive({
    entries: [] as api.Listed[],
    fresh: new Set<number>(),
    next: null as number | null,
    isUnderWay: false,
    isLoaded: false,
    error: null as unknown,
  });
  let turn = new AbortController();

  async function begin(): Promise<void> {
    turn.abort();
    turn = new AbortController();
    const { signal } = turn;
    Object.assign(tail, { entries: [], fresh: new Set(), next: null, isLoaded: false, error: null });
    const first = await page(null, signal);
    if (first === null || signal.aborted) return;
    await follow(first.size - 1, signal);
  }

  async function page(index: number | null, signal: AbortSignal): Promise<api.Page | null> {
    tail.isUnderWay = true;
    try {
      const page = await api.before(filter(), index, PAGE, signal);
      tail.entries = [...tail.entries, ...page.entries].slice(0, ENTRIES_MAX);
      Object.assign(tail, { next: page.next, isLoaded: true, error: null });
      return page;
    } catch (error) {
      if (!signal.aborted) tail.error = error;
      return null;
    } finally {
      if (!signal.aborted) tail.isUnderWay = false;
    }
  }

  async function follow(from: number, signal: AbortSignal): Promise<void> {
    let index = Math.max(0, from);
    while (!signal.aborted) {
      try {
        const page = await api.after(filter(), index, PAGE, signal);
        if (signal.aborted) return;
        index = page.next ?? index;
        for (const entry of page.entries) tail.fresh.add(entry.index);
        tail.entries = [...[...page.entries].reverse(), ...tail.entries].slice(0, ENTRIES_MAX);
      } catch {
        // The banner says that the server is away; what is shown stays.
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  watch(filter, () => void begin(), { immediate: true, deep: true });
  onScopeDispose(() => turn.abort());
  return Object.assign(tail, {
    more: async () => {
      if (tail.next !== null && !tail.isUnderWay) await page(tail.next, turn.signal);
    },
    again: () => void begin(),
  });
}
