// The routing table told in sentences.

import { useI18n } from "vue-i18n";
import type { Routing, TableQueue, TableRow } from "./api";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "workday", "holiday"];

export interface Opening {
  /** Days that follow one another and have the same spans. */
  days: string[];
  spans: string[];
}

/** Days with the same hours are told together, in the week's order. */
export function openings(days: Record<string, string[]>): Opening[] {
  const told: Opening[] = [];
  for (const day of DAYS.filter((one) => one in days)) {
    const spans = days[day] ?? [];
    const last = told.at(-1);
    const isWeekday = day !== "workday" && day !== "holiday";
    if (last && isWeekday && last.spans.join() === spans.join()) last.days.push(day);
    else told.push({ days: [day], spans });
  }
  return told;
}

export function useRoutingWords() {
  const { t, te } = useI18n();
  const or = t("policies.routing.or");
  const comma = t("policies.comma");
  const column = (name: string) =>
    te(`policies.routing.columns.${name}`) ? t(`policies.routing.columns.${name}`) : name;

  function time(seconds: number): string {
    return seconds % 60 === 0 && seconds >= 60
      ? t("policies.routing.minutes", { count: seconds / 60 })
      : t("policies.routing.seconds", { count: seconds });
  }

  /** The conditions of a row, each as a clause; none: everything. */
  function conditions({ when }: TableRow): string[] {
    return [
      ...Object.entries(when.words).map(([name, words]) =>
        t("policies.routing.is", { column: column(name), words: words.join(or) }),
      ),
      ...(when.open === null ? [] : [t("policies.routing.open", { hours: when.open })]),
      ...(when.closed === null ? [] : [t("policies.routing.closed", { hours: when.closed })]),
      ...(when.time.length === 0 ? [] : [t("policies.routing.time", { times: when.time.join(or) })]),
    ];
  }

  /** What a row decides beside the queue. */
  function decisions(row: TableRow): string[] {
    return [
      t("policies.routing.priority", { priority: row.priority }),
      ...(row.sla_s === null ? [] : [t("policies.routing.sla", { time: time(row.sla_s) })]),
      ...(row.skills.length === 0 ? [] : [t("policies.routing.skills", { skills: row.skills.join(comma) })]),
      ...(row.sticky ? [t("policies.routing.sticky")] : []),
    ];
  }

  /** How a queue is served, each as a sentence. */
  function rules(queue: TableQueue): string[] {
    const told: (string | null)[] = [
      queue.group && t("policies.routing.group", { group: queue.group }),
      queue.skills.length > 0 ? t("policies.routing.wanted", { skills: queue.skills.join(comma) }) : null,
      queue.relax_s && t("policies.routing.relax", { time: time(queue.relax_s) }),
      queue.overflow &&
        t("policies.routing.overflow", { time: time(queue.overflow.after_s), queue: queue.overflow.to }),
      queue.sla_s && t("policies.routing.sla", { time: time(queue.sla_s) }),
      queue.no_answer_s && t("policies.routing.no_answer", { time: time(queue.no_answer_s) }),
      queue.offline_s && t("policies.routing.offline", { time: time(queue.offline_s) }),
    ].map((sentence) => (typeof sentence === "string" ? sentence : null));
    return told.filter((sentence): sentence is string => sentence !== null);
  }

  function days({ days }: Opening): string {
    const name = (day: string | undefined) => t(`policies.routing.days.${day ?? ""}`);
    return days.length > 2
      ? t("policies.routing.from_to", { first: name(days[0]), last: name(days.at(-1)) })
      : days.map(name).join(comma);
  }

  function zone({ hours }: Routing["active"]): string {
    const { utc_offset_minutes: minutes } = hours;
    const two = (value: number) => `${Math.floor(Math.abs(value))}`.padStart(2, "0");
    return `UTC${minutes < 0 ? "−" : "+"}${two(minutes / 60)}:${two(Math.abs(minutes) % 60)}`;
  }

  return { conditions, decisions, rules, days, zone };
}
