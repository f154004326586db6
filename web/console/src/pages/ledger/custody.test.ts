import { expect, test } from "vitest";
import { type Custody, LINKS, lit, simple, watchers, worst } from "./custody";

const NOW = Date.parse("2026-11-27T08:00:00Z");
const GOOD: Custody = {
  origin: "lww.example/acme/1",
  key: "",
  head: { size: 1000, signed_at: "2026-11-27T07:59:59.000000Z" },
  published: { size: 1000, at: "2026-11-27T07:59:59.000000Z" },
  quorum: "2 of (w1, w2)",
  witnesses: [1, 2].map((at) => ({
    name: `w${at}`,
    url: null,
    size: 1000,
    at: "2026-11-27T07:59:59Z",
    state: "cosigned" as const,
    reason: null,
    since: null,
  })),
  mirror: { target: "s3", size: 1000, at: "2026-11-27T07:59:59Z", state: "current", reason: null },
  seal: { index: 900, upto: 900, at: "2026-11-27T00:00:00Z" },
  self_audit: { at: "2026-11-27T07:00:00Z", looked_to: 990, findings: 0, state: "idle" },
};

const level = (told: Custody, of: string, before: Custody | null = null) =>
  watchers(told, before, NOW).find((one) => one.of === of)?.level;

test("a ledger that is looked after well needs nothing", () => {
  const all = watchers(GOOD, null, NOW);
  expect(all.map(({ of }) => of)).toEqual([
    "head",
    "published",
    "witness",
    "witness",
    "mirror",
    "seal",
    "self_audit",
  ]);
  expect(worst(all)).toBe("good");
  expect(all.map(({ behind }) => behind)).toEqual([0, 0, 0, 0, 0, 100, 10]);
});

test("whoever refuses, differs or finds something is the worst, and nobody at all is a warning", () => {
  const [witness] = GOOD.witnesses;
  if (witness === undefined) throw new Error("a witness");
  const refused = { ...GOOD, witnesses: [witness, { ...witness, state: "refused" as const }] };
  expect(worst(watchers(refused, null, NOW))).toBe("bad");
  expect(level({ ...GOOD, witnesses: [{ ...witness, state: "unreachable" }] }, "witness")).toBe("warn");
  expect(level({ ...GOOD, witnesses: [], quorum: null }, "witnesses")).toBe("warn");
  expect(level({ ...GOOD, mirror: { ...GOOD.mirror, state: "differs" } }, "mirror")).toBe("bad");
  expect(level({ ...GOOD, mirror: { ...GOOD.mirror, state: "off" } }, "mirror")).toBe("quiet");
  for (const found of [{ findings: 1 }, { state: "found" as const }]) {
    expect(level({ ...GOOD, self_audit: { ...GOOD.self_audit, ...found } }, "self_audit")).toBe("bad");
  }
  expect(level({ ...GOOD, head: null }, "head")).toBe("warn");
});

test("what is published is late only if it stands still", () => {
  const behind = { ...GOOD, published: { size: 990, at: "2026-11-27T07:00:00Z" } };
  expect(level(behind, "published")).toBe("good");
  expect(level(behind, "published", GOOD)).toBe("good");
  expect(level(behind, "published", behind)).toBe("bad");
  expect(
    level({ ...GOOD, published: { size: 990, at: "" } }, "published", { ...behind, published: null }),
  ).toBe("good");
  expect(level({ ...GOOD, published: null }, "published")).toBe("warn");
});

test("a seal is late after a day in which something happened", () => {
  const old = { index: 900, upto: 900, at: "2026-11-25T00:00:00Z" };
  expect(level({ ...GOOD, seal: old }, "seal")).toBe("warn");
  expect(level({ ...GOOD, seal: { ...old, index: 999, upto: 999 } }, "seal")).toBe("good");
  expect(level({ ...GOOD, seal: null }, "seal")).toBe("quiet");
});

test("the further behind, the fewer links are lit, and one who has seen anything has one", () => {
  expect([0, 1, 2, 3, 4, 9, 10].map(lit)).toEqual([12, 11, 10, 10, 9, 9, 8]);
  expect(lit(1e9)).toBe(1);
  expect(lit(null)).toBe(0);
  const all = Array.from({ length: 500 }, (_, at) => lit(at));
  expect([...all].sort((one, other) => other - one)).toEqual(all);
  expect(Math.max(...all)).toBe(LINKS);
});

test("a simple quorum is told in numbers", () => {
  expect(simple("2 of (w1, w2, w3)")).toEqual({ count: 2, of: 3 });
  expect(simple("2 of (w1, 1 of (w2, w3))")).toBeNull();
  expect(simple("w1")).toBeNull();
});
