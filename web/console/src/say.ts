// Short words at the top of the screen: something was done, or could not be.

import { ElMessage } from "element-plus/es/components/message/index.mjs";
import "element-plus/es/components/message/style/css";
import { Problem } from "./api";
import { i18n } from "./i18n";

export const say = {
  done: (message: string) => void ElMessage({ message, type: "success", grouping: true }),
  failed: (message: string) =>
    void ElMessage({ message, type: "error", grouping: true, duration: 6_000, showClose: true }),
  clear: () => ElMessage.closeAll(),
};

/** What went wrong, in words. */
export function wordsOf(error: unknown): string {
  const { t, te } = i18n.global;
  if (!(error instanceof Problem)) return t("errors.unknown");
  const own = `errors.${error.code}`;
  return te(own) ? t(own) : error.message;
}

export function sayProblem(error: unknown): void {
  say.failed(wordsOf(error));
}
