/** The widget where it will be: two pages that talk, a page of another origin, HTTPS, closed hours, and large text. */
import type { Page } from "@playwright/test";
import { createServer } from "node:http";
import { accessible, Watch } from "./eyes";
import { expect, test } from "./harness";

const BANK = "http://localhost:42809";
const STRANGER = "http://localhost:42810";
/** The queue is open on one day of the week, and that is three days off. */
const OPENS = new Date(Date.now() + 3 * 86_400_000);
const DAY = new Intl.DateTimeFormat("en", { weekday: "short", timeZone: "Asia/Shanghai" })
  .format(OPENS)
  .toLowerCase();
const TABLE = `apiVersion: route/v1
id: seldom
version: 1
words: {tiers: [], languages: [zh, en], tags: [card_loss], moods: [], skills: []}
channels: {http: {weight: 100}, web: {weight: 100}}
calendar:
  zone: "+08:00"
  hours:
    always: [{days: mon-sun, open: ["00:00-24:00"]}]
    seldom: [{days: ${DAY}, open: ["09:00-17:00"]}]
queues:
  - {name: urgent, hours: always, priority: 1, no_answer_s: 600, offline_s: 60, closed: "{opens}"}
  - {name: default, hours: seldom, priority: 5, no_answer_s: 600, offline_s: 60, closed: "您好,我们将于{opens}答复您的留言。"}
rules:
  - {id: english, when: {language: [en]}, queue: default}
  - {id: default, queue: urgent}
tests:
  - {case: {channel: web, language: en, at: 2026-11-26 03:00}, row: english}
  - {case: {channel: web, language: zh, at: 2026-11-26 03:00}, row: default, open: true}
`;

test.use({ wish: { name: "places", widgetKeys: `origins = "${BANK}"\n`, routing: TABLE } });

const log = (page: Page) => page.getByRole("log");

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox").fill(text);
  await page.getByRole("textbox").press("Enter");
}

test("a customer's page and an agent's page talk, and each sees the other type", async ({
  browser,
  server,
}) => {
  const [customers, staff] = [await browser.newContext(), await browser.newContext()];
  const watches = [await Watch.on(customers), await Watch.on(staff)];
  const agent = await server.enter(staff, "agent");
  await agent.present();
  const desk = await staff.newPage();
  await desk.goto(`${server.base}/console/inbox`);
  const customer = await customers.newPage();
  await customer.goto(`${server.base}/demo/`);
  await customer.getByRole("button", { name: "打开在线客服" }).click();
  await say(customer, "您好，我的卡号是6222021234567890128");
  await desk.locator(".row").first().click();
  await expect(desk.locator(".message.theirs").last()).toContainText("622202*********0128");
  await expect(customer.getByText("人工客服已接入")).toBeVisible();

  const reply = desk.getByLabel("回复客户", { exact: true });
  // Typing is shown for some seconds: it is gone on until it is seen.
  await expect(async () => {
    await customer.getByRole("textbox").pressSequentially("在");
    await expect(desk.getByText("客户正在输入…")).toBeVisible({ timeout: 4_000 });
  }).toPass();
  await expect(async () => {
    await reply.pressSequentially("请");
    await expect(customer.getByText("对方正在输入…")).toBeVisible({ timeout: 4_000 });
  }).toPass();

  await reply.fill("已收到，请稍候。");
  await desk.keyboard.press("Enter");
  const answer = log(customer).getByRole("listitem").filter({ hasText: "已收到，请稍候。" });
  await expect(answer).toContainText("人工客服");
  await expect(desk.locator(".message.ours").last()).toContainText("已读");
  await say(customer, "谢谢");
  await expect(desk.locator(".message.theirs").last()).toContainText("谢谢");
  const own = log(customer).getByRole("listitem").filter({ hasText: "我的卡号" });
  await expect(own).toContainText("已读");
  for (const watch of watches) watch.clean();
  await agent.present(false);
  await Promise.all([customers.close(), staff.close()]);
});

/** A page of the bank with a strict policy of its own, from a server of its own. */
async function embed(page: Page, origin: string, server: string): Promise<void> {
  const policy = `default-src 'none'; script-src ${server}; connect-src ${server} ${server.replace("http", "ws")}`;
  const tag = `<script src="${server}/widget.js" data-account="demo/widget" defer></script>`;
  const bank = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html; charset=utf-8");
    answer.setHeader("content-security-policy", policy);
    answer.end(
      `<!doctype html><html lang="zh-CN"><title>bank</title><body><main><h1>网上银行</h1></main>${tag}</body></html>`,
    );
  });
  await new Promise<void>((done) => bank.listen(Number(new URL(origin).port), "localhost", done));
  page.once("close", () => bank.close());
  await page.goto(`${origin}/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
}

test("a page of another origin takes the widget in, receipts too, under a policy without anything unsafe", async ({
  page,
  server,
}) => {
  const watch = await Watch.on(page);
  await embed(page, BANK, server.base);
  await say(page, "从网上银行来");
  const own = log(page).getByRole("listitem").filter({ hasText: "从网上银行来" });
  await expect(own).toContainText("已存证");
  await page.getByRole("button", { name: "存证回执" }).click();
  const item = page.getByRole("listitem").filter({ hasText: "从网上银行来" });
  await expect(async () => {
    await item.getByRole("button", { name: /核验/ }).click();
    await expect(item.getByRole("status")).toContainText("核验通过", { timeout: 2_000 });
  }).toPass();
  watch.clean();
});

test("a page of an origin that is not allowed gets nothing out of the server", async ({ page, server }) => {
  await embed(page, STRANGER, server.base);
  await say(page, "不该收到");
  const refused = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/visits"));
  await refused;
  await expect(log(page).getByRole("listitem").filter({ hasText: "不该收到" })).toContainText("待发送");
  await page.goto("about:blank");
  (await Watch.on(page)).provoked(/blocked by CORS policy/);
});

test("over HTTPS the socket is a secure one", async ({ browser, server }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const opened = page.waitForEvent("websocket");
  await page.goto(`${server.https}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
  expect((await opened).url()).toMatch(/^wss:/);
  await say(page, "安全连接");
  await expect(log(page).getByRole("listitem").filter({ hasText: "安全连接" })).toContainText("已存证");
  await context.close();
});

test("in closed hours the customer hears when it opens, and leaves a message at once", async ({
  page,
  server,
}) => {
  await page.goto(`${server.base}/demo/en.html`);
  await page.getByRole("button", { name: "Open customer service chat" }).click();
  await say(page, "anybody there?");
  const opens = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "Asia/Shanghai" }).format(
    OPENS,
  );
  const notice = page.getByText(/We are closed at present/);
  await expect(notice).toContainText(opens);
  await expect(log(page).getByText("System message")).not.toHaveCount(0);
  await accessible(page);
  await page.getByRole("button", { name: "Leave a message" }).click();
  await expect(page.getByText(/Noted: write your message/)).toBeVisible();
  const supervisor = await server.login("supervisor");
  const { conversations } = await supervisor.ask<{ conversations: { wish?: string | null }[] }>(
    "GET",
    "/api/v1/agent/conversations?state=waiting&limit=200",
  );
  expect(conversations.map(({ wish }) => wish)).toContain("message");
});

/** Words of the window that are cut off: wider than where they stand, or out of the window. */
function cut(page: Page): Promise<string[]> {
  return page.locator("lww-chat").evaluate((host) => {
    const root = host.shadowRoot as ShadowRoot;
    const found: string[] = [];
    for (const part of root.querySelectorAll<HTMLElement>("h2, span, p, button, label, a, time")) {
      const box = part.getBoundingClientRect();
      if (part.closest("[hidden], .away") !== null || box.width === 0) continue;
      const isWide = getComputedStyle(part).display !== "inline" && part.scrollWidth > part.clientWidth + 1;
      if (isWide || box.left < -1 || box.right > innerWidth + 1)
        found.push(`${part.className}: ${part.textContent}`);
    }
    return found;
  });
}

for (const [name, width, height] of [
  ["a browser at 200 % on a desk", 640, 400],
  ["a phone", 390, 844],
  ["a small phone at 200 %", 320, 568],
] as const) {
  test(`with the largest text nothing is cut off: ${name}`, async ({ page, server }) => {
    await page.setViewportSize({ width, height });
    await page.goto(`${server.base}/demo/en.html`);
    await page.getByRole("button", { name: "Open customer service chat" }).click();
    await say(
      page,
      `card 6222021234567890128 ${"Donaudampfschifffahrtsgesellschaft".repeat(4)} 长`.repeat(2),
    );
    await expect(page.getByText(/We are closed at present/)).toBeVisible();
    const larger = page.getByRole("button", { name: "Text size" });
    for (const size of [0, 1, 2]) {
      await expect(page.locator("lww-chat")).toHaveAttribute("data-size", String(size));
      expect(await cut(page), `size ${size}`).toEqual([]);
      // What is written is still to be seen, and the input can be reached.
      await page.getByRole("textbox").scrollIntoViewIfNeeded();
      await expect(page.getByRole("textbox")).toBeInViewport();
      await log(page).scrollIntoViewIfNeeded();
      expect((await log(page).boundingBox())?.height).toBeGreaterThan(60);
      await larger.click();
    }
    await accessible(page);
  });
}
