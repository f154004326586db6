import { expect, test } from "vitest";
import { format } from "./formats";

const AT = new Date("2026-11-27T18:02:03Z");

test("a format is made once", () => {
  const options = { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit" } as const;
  expect(format("zh-CN", { ...options })).toBe(format("zh-CN", { ...options }));
});

test("another zone, language or option is another format", () => {
  const written = (language: string, options: Intl.DateTimeFormatOptions) =>
    format(language, options).format(AT);
  expect(written("en-CA", { timeZone: "Asia/Shanghai", dateStyle: "short" })).toBe("2026-11-28");
  expect(written("en-CA", { timeZone: "UTC", dateStyle: "short" })).toBe("2026-11-27");
  expect(written("en", { timeZone: "UTC", month: "long" })).toBe("November");
  expect(written("zh-CN", { timeZone: "UTC", month: "long" })).toBe("十一月");
});
