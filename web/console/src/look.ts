// Light or dark, and the language: how this browser shows the console.

import { reactive, watchEffect } from "vue";

export type Theme = "light" | "dark" | "system";
export type Language = "zh-CN" | "en";

const THEME = "lww.theme";
const LANGUAGE = "lww.language";

export const look = reactive({
  theme: (localStorage.getItem(THEME) ?? "system") as Theme,
  language: (localStorage.getItem(LANGUAGE) === "en" ? "en" : "zh-CN") as Language,
});

const dark = matchMedia("(prefers-color-scheme: dark)");

function paint(): void {
  const isDark = look.theme === "dark" || (look.theme === "system" && dark.matches);
  document.documentElement.classList.toggle("dark", isDark);
}

export function keepLook(): void {
  dark.addEventListener("change", paint);
  watchEffect(() => {
    localStorage.setItem(THEME, look.theme);
    localStorage.setItem(LANGUAGE, look.language);
    document.documentElement.lang = look.language;
    paint();
  });
}
