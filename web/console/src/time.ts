// Times on screen, in the tenant's zone and the language shown. The ledger's own are UTC.

import { useI18n } from "vue-i18n";
import { format } from "./formats";
import { look } from "./look";
import { zone } from "./session";

function write(at: string | number | Date, options: Intl.DateTimeFormatOptions): string {
  return format(look.language, { timeZone: zone.value, hourCycle: "h23", ...options }).format(new Date(at));
}

/** `2026/11/27 10:02:03 GMT+8`. */
export function fullTime(at: string | number | Date): string {
  const date = write(at, { year: "numeric", month: "2-digit", day: "2-digit" });
  const time = write(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const parts = format("en", { timeZone: zone.value, timeZoneName: "short" }).formatToParts(new Date(at));
  return `${date} ${time} ${parts.find((part) => part.type === "timeZoneName")?.value ?? ""}`;
}

/** `10:02`. */
export function clock(at: string | number | Date): string {
  return write(at, { hour: "2-digit", minute: "2-digit" });
}

/** The day that a time falls on, for comparing. */
export function day(at: string | number | Date): string {
  return format("en-CA", { timeZone: zone.value, dateStyle: "short" }).format(new Date(at));
}

const DAY_MS = 86_400_000;

/** Gives back the functions that need words. */
export function useTime() {
  const { t } = useI18n();

  /** A day in words: 11月27日. */
  function dayName(at: string | number | Date): string {
    if (day(at) === day(Date.now() - DAY_MS)) return t("time.yesterday");
    const isThisYear = day(at).slice(0, 4) === day(Date.now()).slice(0, 4);
    return write(at, { month: "short", day: "numeric", ...(isThisYear ? {} : { year: "numeric" }) });
  }

  /** As short as it can be told: the time today, else the day. */
  function brief(at: string | number | Date): string {
    return day(at) === day(Date.now()) ? clock(at) : dayName(at);
  }

  /** A time of today, or the day and the time. */
  function moment(at: string | number | Date): string {
    return day(at) === day(Date.now()) ? clock(at) : `${dayName(at)} ${clock(at)}`;
  }

  /** `3:05` or `1:02:03`: how long something lasts. */
  function span(seconds: number): string {
    const whole = Math.max(0, Math.floor(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (value: number) => String(value).padStart(2, "0");
    return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  return { dayName, brief, moment, span, fullTime, clock };
}
