import { describe, expect, it } from "vitest";
import { leftMs, type Unmasking, waysOf } from "./api";

const act = (by: string) => ({ by, index: 7, time: "2026-11-27T10:00:00.000000Z" });

function asked(state: Unmasking["state"]): Unmasking {
  return {
    id: "1",
    state,
    conversation: "2",
    subject: "3",
    message: "4",
    span: 0,
    entity: "cn.mobile",
    class: "C2",
    reason: "fraud",
    until: null,
    requested: act("me"),
    decided: null,
    used: null,
  };
}

describe("a request to open a value", () => {
  it("is approved by somebody else alone, and by nobody once it is decided or over", () => {
    expect(waysOf(asked("requested"), "me", true)).toEqual(["reject"]);
    expect(waysOf(asked("requested"), "other", true)).toEqual(["approve", "reject"]);
    expect(waysOf(asked("requested"), "other", false)).toEqual([]);
    for (const state of ["granted", "denied", "used", "lapsed"] as const)
      expect(waysOf(asked(state), "other", true)).toEqual([]);
  });

  it("shows its value for as long as the server says, whatever the clock here says", () => {
    const used = act("me");
    expect(leftMs({ value: "x", until: "2026-11-27T10:15:00.000000Z", used })).toBe(900_000);
    expect(leftMs({ value: "x", until: "2026-11-27T09:00:00.000000Z", used })).toBe(0);
  });
});
