// Words for what entries hold: each kind's, each known detail's. What has no words here is shown as it is recorded.

import { useI18n } from "vue-i18n";

/** `message.received/1` without its version, as names of words can't hold dots. */
export function kindKey(kind: string): string {
  return (kind.split("/")[0] ?? "").replaceAll(".", "_");
}

export function useWords() {
  const { t, te } = useI18n();

  function or(key: string, otherwise: string): string {
    return te(key) ? t(key) : otherwise;
  }

  return {
    kind: (kind: string) => or(`ledger.kinds.${kindKey(kind)}`, kind),
    group: (group: string) => or(`ledger.groups.${group}`, group),
    actor: (role: string) => or(`ledger.actors.${role}`, role),
    detail: (name: string) => or(`ledger.details.${name}`, name),
    value: (value: string) => or(`ledger.values.${value.replaceAll(/[^a-z_]/g, "")}`, value),
    entity: (entity: string) => or(`inbox.entities.${entity.replaceAll(".", "_")}`, entity),
  };
}
