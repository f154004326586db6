// The present second, for whoever shows how long something has lasted; one timer for all of them.

import { onScopeDispose, readonly, ref } from "vue";
import type { Ref } from "vue";

const now = ref(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow(): Readonly<Ref<number>> {
  users += 1;
  now.value = Date.now();
  timer ??= setInterval(() => (now.value = Date.now()), 1_000);
  onScopeDispose(() => {
    users -= 1;
    if (users > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  return readonly(now);
}
