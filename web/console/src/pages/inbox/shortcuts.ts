// The inbox by keyboard. Single keys count outside of text boxes only, and can be switched off (WCAG 2.1.4).

import { onBeforeUnmount, ref, watch } from "vue";

export type Act = "next" | "previous" | "reply" | "note" | "transfer" | "solve" | "help";

/** Each key with what it does, as the help sheet shows them. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["J", "next"],
  ["K", "previous"],
  ["R", "reply"],
  ["N", "note"],
  ["T", "transfer"],
  ["S", "solve"],
  ["/", "canned"],
  ["Enter", "send"],
  ["Esc", "leave"],
  ["?", "help"],
];

const ACTS: Record<string, Act> = {
  j: "next",
  k: "previous",
  r: "reply",
  n: "note",
  t: "transfer",
  s: "solve",
  "?": "help",
};

const KEPT = "lww.keys";
export const areKeysOn = ref(localStorage.getItem(KEPT) !== "off");
watch(areKeysOn, (on) => localStorage.setItem(KEPT, on ? "on" : "off"));

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest("input, textarea, select, [contenteditable], [role=dialog]") !== null
  );
}

/** Calls `act` for each key while the page is there. */
export function useShortcuts(act: (what: Act) => void): void {
  function press(event: KeyboardEvent): void {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    const what = ACTS[event.key.toLowerCase()];
    if (!areKeysOn.value || !isPlain || what === undefined || isWriting(event.target)) return;
    event.preventDefault();
    act(what);
  }
  addEventListener("keydown", press);
  onBeforeUnmount(() => removeEventListener("keydown", press));
}
