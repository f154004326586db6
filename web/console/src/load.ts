// One thing that a page loads: its value, whether it is under way, and what went wrong.

import { reactive } from "vue";

export interface Loading<T> {
  value: T | null;
  isUnderWay: boolean;
  error: unknown;
  /** Loads it, again if it has to; what was there stays on screen meanwhile. */
  again: () => Promise<void>;
}

export function loading<T>(ask: () => Promise<T>): Loading<T> {
  const state = reactive({ value: null, isUnderWay: false, error: null }) as Omit<Loading<T>, "again">;
  let turn = 0;
  async function again(): Promise<void> {
    const own = ++turn;
    state.isUnderWay = true;
    try {
      const value = await ask();
      // A slower answer to an older question must not replace a newer one.
      if (own === turn) Object.assign(state, { value, error: null });
    } catch (error) {
      if (own === turn) state.error = error;
    } finally {
      if (own === turn) state.isUnderWay = false;
    }
  }
  return Object.assign(state, { again });
}
