/**
 * Every page and dialog of the console, light and dark, in both languages, on a desk's screen and a phone's: nothing that bars
 * people from using it (axe), nothing that scrolls sideways, and, as in every test, no breach of a policy and no error.
 */
import type { Page } from "@playwright/test";
import { Visitor } from "./console-people";
import { accessible } from "./eyes";
import { expect, type Role, type Server, test } from "./harness";

test.use({ wish: { name: "walk" }, contextOptions: { reducedMotion: "reduce" } });

const WIDTHS = [1280, 390] as const;
const SCHEMES = ["light", "dark"] as const;

/** What is looked at: its name, and the way there from the page before. */
type Stop = [name: string, arrive: (page: Page) => Promise<void>];

class Walk {
  constructor(
    readonly server: Server,
    readonly language: string,
    readonly conversation: string,
  ) {}

  /** A page by its address, once this stands in it. */
  at(path: string, ready: string): Stop {
    return [
      path,
      async (page) => {
        await page.goto(`${this.server.base}/console/${path}`);
        await expect(page.locator(ready).first()).toBeVisible();
        await expect(page.locator(".loading")).toHaveCount(0);
      },
    ];
  }

  /** A dialog that a control of the page opens. */
  dialog(name: string, opener: string): Stop {
    return [
      name,
      async (page) => {
        await page.keyboard.press("Escape");
        await expect(page.getByRole("dialog")).toHaveCount(0);
        await page.locator(opener).first().click();
        await expect(page.getByRole("dialog")).toBeVisible();
      },
    ];
  }

  /** The dialog that a key opens. */
  shortcuts(): Stop {
    return [
      "shortcuts",
      async (page) => {
        await page.keyboard.press("Escape");
        await expect(page.getByRole("dialog")).toHaveCount(0);
        await page.keyboard.press("?");
        await expect(page.getByRole("dialog")).toBeVisible();
      },
    ];
  }

  stops(role: Role | "nobody"): Stop[] {
    const inbox = `inbox/${this.conversation}`;
    switch (role) {
      case "nobody":
        return [this.at("login", "input[type=password]")];
      case "agent":
        return [
          this.at("inbox", ".row"),
          this.at(inbox, ".message.theirs .chip"),
          this.dialog("transfer", ".actions .el-button.wide"),
        ];
      case "supervisor":
        return [
          this.at("queues", ".queue"),
          this.at(inbox, ".message.theirs .chip"),
          this.dialog("replies", ".modes .mode:last-child"),
          this.shortcuts(),
        ];
      case "compliance":
        return [
          this.at("policies", '[data-test="drift"]'),
          this.at("policies?tab=routing", ".rows li"),
          this.at("erasures", '[data-test="erasure"]'),
          this.dialog("propose an erasure", '[data-test="propose"]'),
          this.dialog("place a hold", '[data-test="place"]'),
          this.dialog("turn an erasure down", '[data-test="reject"]'),
        ];
      case "auditor":
        return [
          this.at("ledger", '[data-test="entries"] a'),
          this.at("ledger/2", '[data-test="verdict"]'),
          this.at("health", '[data-test="state"]'),
        ];
      case "admin":
        return [
          this.at("accounts", "tbody tr"),
          this.dialog("account", ".header .el-button--primary"),
          this.dialog("import", ".header .el-button:not(.el-button--primary)"),
          this.at("own", "table"),
        ];
    }
  }
}

/** Has an erasure of the customer proposed, unless it is. */
async function propose(server: Server, conversation: string): Promise<void> {
  const supervisor = await server.login("supervisor");
  const path = `/api/v1/agent/conversations/${conversation}`;
  const { conversation: of } = await supervisor.ask<{ conversation: { contact: string } }>("GET", path);
  const answer = await supervisor.send("POST", "/api/v1/erasures", {
    subject: of.contact,
    reason: "objection",
  });
  expect([201, 409]).toContain(answer.status);
}

/** Looks at what stands on the screen in both widths, light and dark. */
async function look(page: Page, name: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 844 });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const where = `${name}, ${width} px, ${colorScheme}`;
      // Colours are all that the dark changes.
      const rules = colorScheme === "dark" ? ["color-contrast"] : undefined;
      await test.step(where, () => accessible(page, undefined, rules));
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(over, `${name} scrolls sideways at ${width} px`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize({ width: 1280, height: 844 });
  await page.emulateMedia({ colorScheme: "light" });
}

for (const role of ["nobody", "agent", "supervisor", "compliance", "auditor", "admin"] as const) {
  for (const language of ["zh-CN", "en"]) {
    test(`what ${role} sees can be used by everybody, in ${language}`, async ({ page, context, server }) => {
      test.slow(); // Axe reads every node of some pages four times.
      const agent = await server.login("agent");
      await agent.present();
      const held = await agent.conversations("assigned");
      const said = () =>
        Visitor.come(server).then((one) => one.say("卡号6222 0212 3456 7890 128，手机13812345678"));
      const walk = new Walk(server, language, held[0]?.id ?? (await said()));
      if (role === "compliance") await propose(server, walk.conversation);
      if (role !== "nobody") await server.enter(context, role);
      await page.addInitScript((language) => localStorage.setItem("lww.language", language), language);
      for (const [name, arrive] of walk.stops(role)) {
        await arrive(page);
        await look(page, name);
      }
    });
  }
}
