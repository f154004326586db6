// The words on screen. Only the language that is shown is loaded.

import { createI18n } from "vue-i18n";
import type { Language as ElementLanguage } from "element-plus/es/locale";
import { shallowRef } from "vue";
import { speak } from "../api";
import type { Language } from "../look";

export type Words = { [name: string]: string | Words };

export const i18n = createI18n({
  legacy: false,
  locale: "zh-CN",
  fallbackLocale: false,
  missingWarn: false,
  messages: {},
});

/** The words of Element Plus's own components. */
export const elementWords = shallowRef<ElementLanguage>();

const LOADERS = { "zh-CN": () => import("./zh-CN"), en: () => import("./en") };
const known = new Set<Language>();

export async function show(language: Language): Promise<void> {
  if (!known.has(language)) {
    const loaded = await LOADERS[language]();
    i18n.global.setLocaleMessage(language, loaded.words);
    known.add(language);
  }
  elementWords.value = (await LOADERS[language]()).element;
  i18n.global.locale.value = language;
  speak(language);
}

/** Puts the words of each page under its file's name. */
export function merge(shared: Words, files: Record<string, unknown>): Words {
  const words: Words = { ...shared };
  for (const [path, page] of Object.entries(files)) {
    const name = path.slice(path.lastIndexOf("/") + 1, -".ts".length);
    words[name] = page as Words;
  }
  return words;
}
