/** How a bank dresses the widget: every `data-` attribute of a page, on a phone, in both languages; and a bot told from a person. */
import type { Page } from "@playwright/test";
import { accessible } from "./eyes";
import { expect, type Server, test } from "./harness";

test.use({ wish: { name: "look" }, viewport: { width: 390, height: 844 } });

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

interface Dress {
  lang: string;
  title: string;
  greeting: string;
  consent: string;
}

const DRESSES: Record<string, Dress> = {
  "zh-CN": {
    lang: "zh-CN",
    title: "长河银行贵宾服务",
    greeting: "您好，这里是长河银行。",
    consent: "点此阅读《在线客服服务条款》",
  },
  en: {
    lang: "en",
    title: "Long River Bank",
    greeting: "Hello, this is Long River Bank.",
    consent: "Read the terms of our chat",
  },
};

/** A bank's page that says all of this of the widget. */
async function visit(page: Page, server: Server, more: Record<string, string>): Promise<void> {
  const told = {
    account: "demo/widget",
    logo: "/demo/logo.svg",
    "consent-link": "/demo/terms.html",
    ...more,
  };
  const attributes = Object.entries(told).map(([name, value]) => `data-${name}="${value}"`);
  const body =
    '<!doctype html><html lang="zh-CN"><head><title>长河银行</title><meta name="viewport" content="width=device-width">' +
    `<script src="/widget.js" ${attributes.join(" ")} defer></script></head><body><main><h1>长河银行</h1></main></body></html>`;
  const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY };
  await page.route("**/demo/dressed.html", (route) => route.fulfill({ headers, body }));
  await page.goto(`${server.base}/demo/dressed.html`);
}

/** The colours of an element as the browser computes them. */
const colours = (selector: string, page: Page) =>
  page.locator(selector).evaluate((one) => {
    const { backgroundColor, color } = getComputedStyle(one);
    return [backgroundColor, color];
  });

for (const [language, dress] of Object.entries(DRESSES)) {
  for (const [side, theme, colour, computed, readable] of [
    ["left", "dark", "#ffd54f", "rgb(255, 213, 79)", "rgb(0, 0, 0)"],
    ["right", "light", "#5a189a", "rgb(90, 24, 154)", "rgb(255, 255, 255)"],
  ] as const) {
    test(`it looks and speaks as the page says: ${language}, ${side}, ${theme}`, async ({ page, server }) => {
      // The other scheme than the page asks for: what the bank says counts.
      await page.emulateMedia({ colorScheme: theme === "dark" ? "light" : "dark" });
      await visit(page, server, { ...dress, side, theme, colour });
      const launch = page.locator("lww-chat .launch");
      expect(await colours("lww-chat .launch", page)).toEqual([computed, readable]);
      const box = await launch.boundingBox();
      expect((box?.x ?? 0) + (box?.width ?? 0) / 2 < 195 ? "left" : "right").toBe(side);

      await launch.click();
      const window = page.getByRole("dialog", { name: dress.title });
      await expect(window.getByRole("heading", { name: dress.title })).toBeVisible();
      await expect(window.getByText(dress.greeting)).toBeVisible();
      const terms = window.getByRole("link", { name: dress.consent });
      await expect(terms).toHaveAttribute("href", "/demo/terms.html");
      await expect(terms).toHaveAttribute("rel", "noopener");
      const logo = window.locator("header img");
      expect(await logo.evaluate((picture) => (picture as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
      await expect(page.locator("lww-chat")).toHaveAttribute("lang", dress.lang);
      const [paper] = await colours("lww-chat .panel", page);
      expect(paper).toBe(theme === "dark" ? "rgb(22, 28, 36)" : "rgb(255, 255, 255)");
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(over).toBeLessThanOrEqual(0);
      await accessible(page);
    });
  }
}

test("what a page says is never read as markup", async ({ page, server }) => {
  const trick = "&lt;img src=x onerror=alert(1)&gt;";
  await visit(page, server, {
    lang: "zh-CN",
    title: trick,
    greeting: trick,
    consent: trick,
    colour: "red;}*{}",
  });
  await page.locator("lww-chat .launch").click();
  await expect(page.getByRole("heading", { name: "<img src=x onerror=alert(1)>" })).toBeVisible();
  await expect(page.locator("lww-chat img[src=x]")).toHaveCount(0);
});

test("a bot is told from a person by its name and its picture", async ({ page, server }) => {
  const said = { type: "message", conversation: "c".repeat(32), time: "2026-11-27T02:00:00Z", masked: false };
  await page.routeWebSocket(/socket/, (socket) => {
    const bank = socket.connectToServer();
    bank.onMessage((line) => {
      socket.send(line);
      if (!String(line).includes('"live"')) return;
      const one = { ...said, message: "a".repeat(32), index: 1, by: "bot", text: "我是自动答复。" };
      const other = { ...said, message: "b".repeat(32), index: 2, by: "agent", text: "我是真人。" };
      for (const told of [one, other]) socket.send(JSON.stringify({ ...told, from_bank: true }));
    });
  });
  await page.goto(`${server.base}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
  const bot = page.getByRole("listitem").filter({ hasText: "我是自动答复。" });
  const person = page.getByRole("listitem").filter({ hasText: "我是真人。" });
  await expect(bot.locator(".who")).toContainText("智能助手");
  await expect(bot.locator(".who")).not.toContainText("人工客服");
  await expect(person.locator(".who")).toContainText("人工客服");
  const picture = (one: typeof bot) => one.locator(".who svg path").getAttribute("d");
  expect(await picture(bot)).not.toBe(await picture(person));
  await accessible(page);
});
