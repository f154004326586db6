// Words that the rules and the try-it box share.

import { useI18n } from "vue-i18n";

/** A policy of the bank's own may name entities that have no words here. */
export function useEntity() {
  const { t, te } = useI18n();
  return (entity: string) => {
    const key = `inbox.entities.${entity.replaceAll(".", "_")}`;
    return te(key) ? t(key) : entity;
  };
}
