// Supervisors hear at once that somebody asks to see unmasked text, and that it was shown.

import { ElNotification } from "element-plus/es/components/notification/index.mjs";
import "element-plus/es/components/notification/style/css";
import { i18n } from "../../i18n";
import { may, onLogout, session } from "../../session";
import { badges } from "../../shell/badges";

/** A line of the desk's socket about a request. */
export interface Unmasked {
  unmasking: string;
  state: "requested" | "granted" | "denied" | "used";
  by: string;
}

const NOTED_MS = 12_000;
onLogout(() => delete badges["unmaskings"]);

/** Tells whoever leads agents of what others ask for and see. */
export function heard({ unmasking, state, by }: Unmasked): void {
  if (!may("supervise") || by === session.info?.account) return;
  if (state !== "requested" && state !== "used") return;
  badges["unmaskings"] = (badges["unmaskings"] ?? 0) + 1;
  const { t } = i18n.global;
  ElNotification({
    title: t(`span.noted.${state}`),
    message: t("span.noted.where", { account: by.slice(0, 8), request: unmasking.slice(0, 8) }),
    type: "warning",
    duration: NOTED_MS,
    position: "bottom-right",
  });
}

/** The list was looked at. */
export function looked(): void {
  delete badges["unmaskings"];
}
