// Something that asks for a second factor shown just now: tried as it is, and again with a code when the server wants one.

import { computed, reactive, ref } from "vue";
import { Problem } from "./api";
import { wordsOf } from "./say";
import { showFactor } from "./session";

export interface Factored {
  /** What is typed; a code counts once, right or wrong. */
  code: string;
  /** The server wants a code: none was shown in the last minutes. */
  wantsCode: boolean;
  /** Whoever acts has no second factor yet. */
  mustEnrol: boolean;
  failure: string;
  isUnderWay: boolean;
  /** Whether it can be tried. */
  readonly isReady: boolean;
  /** Forgets what was typed and told. */
  reset: () => void;
  /** Whether it was done. */
  attempt: (act: () => Promise<unknown>) => Promise<boolean>;
}

export function useFactor(): Factored {
  const state = reactive({ code: "", wantsCode: false, mustEnrol: false, failure: "" });
  const isUnderWay = ref(false);
  const isReady = computed(() => !state.mustEnrol && (!state.wantsCode || state.code.trim() !== ""));

  function reset(): void {
    Object.assign(state, { code: "", wantsCode: false, mustEnrol: false, failure: "" });
  }

  async function attempt(act: () => Promise<unknown>): Promise<boolean> {
    if (isUnderWay.value || !isReady.value) return false;
    isUnderWay.value = true;
    state.failure = "";
    try {
      if (state.wantsCode) await show();
      await act();
      return true;
    } catch (error) {
      refused(error);
      return false;
    } finally {
      isUnderWay.value = false;
    }
  }

  async function show(): Promise<void> {
    const typed = state.code.trim();
    state.code = "";
    await showFactor(typed);
    state.wantsCode = false;
  }

  function refused(error: unknown): void {
    const what = error instanceof Problem ? error.code : "";
    if (what === "must_enrol_second_factor") state.mustEnrol = true;
    else if (what === "second_factor_required") state.wantsCode = true;
    else state.failure = wordsOf(error);
  }

  return Object.assign(state, { reset, attempt, isUnderWay, isReady }) as unknown as Factored;
}
