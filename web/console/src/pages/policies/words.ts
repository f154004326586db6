// Words that the rules and the try-it box share.

import { useI18n } from "vue-i18n";
import type { Lost, Occasion, ViewRule } from "./api";

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
        if (view.first === 0) return t("policies.shows.keep_last", { ...view });
        return t(view.last === 0 ? "policies.shows.keep_first" : "policies.shows.keep", { ...view });
      case "replace":
        return t("policies.shows.replace", { name: `<${view.name.replace(/^<|_?\{n\}>?$/g, "")}_1>` });
      case "shift_date":
        return t("policies.shows.shift_date", { ...view });
      case "generalise":
        return t(`policies.shows.generalise.${view.level}`);
      default:
        return t(`policies.shows.${view.operator}`);
    }
  };
}

/** Which messages something applies to, in words; nothing for all of them. */
export function useOccasion() {
  const { t } = useI18n();
  return ({ tenant, channel, purpose }: Occasion): string =>
    [
      tenant === null ? "" : t("policies.layers.tenant", { name: tenant }),
      channel === null ? "" : t("policies.layers.channel", { name: channel }),
      purpose === null ? "" : t("policies.layers.purpose", { name: purpose }),
    ]
      .filter((words) => words !== "")
      .join(t("policies.comma"));
}

/** Why a layer's word does not count. */
export function useLost() {
  const { t } = useI18n();
  const shows = useShows();
  return ({ layer, shows: said, why, left, behind_winner }: Lost): string =>
    t("policies.layers.lost", {
      layer,
      shows: shows(said),
      why: t(`policies.layers.why.${why}`, {
        left: (left ?? 0).toLocaleString(),
        winner: (behind_winner ?? 0).toLocaleString(),
      }),
    });
}
