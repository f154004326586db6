// Words that the rules and the try-it box share.

import { useI18n } from "vue-i18n";
import type { ViewRule } from "./api";

/** A policy of the bank's own may name entities that have no words here. */
export function useEntity() {
  const { t, te } = useI18n();
  return (entity: string) => {
    const key = `inbox.entities.${entity.replaceAll(".", "_")}`;
    return te(key) ? t(key) : entity;
  };
}

/** What a view shows of a value, in words. */
export function useShows() {
  const { t } = useI18n();
  return (view: ViewRule): string => {
    switch (view.operator) {
      case "keep":
        return t(view.first === 0 ? "policies.shows.keep_last" : "policies.shows.keep", { ...view });
      case "replace":
        return t("policies.shows.replace", { name: `<${view.name.replace(/^<|_?\{n\}>?$/g, "")}_1>` });
      default:
        return t(`policies.shows.${view.operator}`);
    }
  };
}
