import { describe, expect, it } from "vitest";
import type { CannedReply } from "../../types";
import { fill, matching } from "./replies";

const reply = (title: string, text: string, shortcut: string | null): CannedReply => ({
  id: title,
  title,
  text,
  shortcut,
  version: 1,
});

describe("canned replies", () => {
  it("fill in variables and leave other words in braces alone", () => {
    const variables = { agent: "小林", queue: "cards", time: "10:02", bank: "示例银行" };
    expect(fill("我是{agent}，{bank}。{toString} {other}", variables)).toBe(
      "我是小林，示例银行。{toString} {other}",
    );
  });

  it("are found by shortcut first, then by title, then by text", () => {
    const all = [
      reply("转账说明", "hi there", null),
      reply("欢迎", "您好", "hi"),
      reply("high value", "x", null),
    ];
    expect(matching(all, "hi").map((one) => one.title)).toEqual(["欢迎", "high value", "转账说明"]);
    expect(matching(all, "none")).toEqual([]);
    expect(matching(all, "")).toHaveLength(3);
  });
});
