/** The customer's widget on the demo bank's page, with an agent played over the API. */
import type { Locator, Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { accessible, Watch } from "./eyes";
import { expect, type Server, type Staff, test, until } from "./harness";

test.use({ wish: { name: "widget" } });

const CARD = "我的卡号是6222021234567890128";

/** The window on the page, with words as they stand there in Chinese. */
class Chat {
  readonly log: Locator;
  readonly input: Locator;

  constructor(readonly page: Page) {
    this.log = page.getByRole("log");
    this.input = page.getByRole("textbox");
  }

  static async open(page: Page, server: Server): Promise<Chat> {
    await page.goto(`${server.base}/demo/`);
    await page.getByRole("button", { name: "打开在线客服" }).click();
    return new Chat(page);
  }

  async say(text: string): Promise<void> {
    await this.input.fill(text);
    await this.input.press("Enter");
  }

  /** A message once it is on record. */
  recorded(text: string): Locator {
    return this.log
      .getByRole("listitem")
      .filter({ hasText: text })
      .filter({ hasText: /已存证|已读/ });
  }

  said(text: string): Locator {
    return this.log.getByRole("listitem").filter({ hasText: text });
  }
}

/** The conversation in which a customer said this, once an agent has it. */
async function held(agent: Staff, text: string): Promise<string> {
  return until(`an agent to hold "${text}"`, async () => {
    for (const { id } of await agent.conversations("assigned")) {
      const { messages } = await agent.ask<{ messages: { text: string }[] }>(
        "GET",
        `/api/v1/agent/conversations/${id}`,
      );
      if (messages.some((message) => message.text.includes(text))) return id;
    }
    return undefined;
  });
}

async function agentOf(server: Server): Promise<Staff> {
  const agent = await server.login("agent");
  await agent.present();
  return agent;
}

test("a customer and an agent talk; what is sensitive is hidden and said to be", async ({ page, server }) => {
  const watch = await Watch.on(page);
  const agent = await agentOf(server);
  const chat = await Chat.open(page, server);
  await chat.say(CARD);
  const own = chat.recorded("我的卡号是");
  await expect(own).toContainText("已为您隐藏敏感信息");
  await expect(own).not.toContainText("6222021234567890128");
  const conversation = await held(agent, "我的卡号是");
  await agent.reply(conversation, "您好，我来帮您处理。");
  const answer = chat.said("我来帮您处理");
  await expect(answer).toContainText("人工客服");
  await expect(own).toContainText("已读");

  // Read marks of the customer's side are in the ledger.
  await until("the answer to be marked as read", async () => {
    const path = "/api/v1/agent/conversations?limit=200";
    const { conversations } = await agent.ask<{ conversations: { id: string; read: number | null }[] }>(
      "GET",
      path,
    );
    return conversations.some(({ id, read }) => id === conversation && read !== null);
  });
  await accessible(page);
  watch.clean();
});

test("what comes while the window is closed is counted, and a reload finds everything again", async ({
  page,
  server,
}) => {
  const agent = await agentOf(server);
  const chat = await Chat.open(page, server);
  await chat.say("请帮我查一下进度 one");
  await expect(chat.recorded("one")).toBeVisible();
  const conversation = await held(agent, "one");
  await page.keyboard.press("Escape");
  await agent.reply(conversation, "查到了");
  const launch = page.getByRole("button", { name: "打开在线客服，1 条未读消息" });
  await expect(launch).toBeFocused();
  await page.reload();
  await launch.click();
  await expect(chat.said("one")).toHaveCount(1);
  await expect(chat.said("查到了")).toHaveCount(1);
});

test("a restart in the middle loses nothing and doubles nothing", async ({ page, server }) => {
  const agent = await agentOf(server);
  const chat = await Chat.open(page, server);
  await chat.say("before two");
  await expect(chat.recorded("before two")).toBeVisible();
  const conversation = await held(agent, "before two");
  await server.stop();
  await chat.say("while it is away");
  await expect(chat.said("while it is away")).toContainText("待发送");
  await server.startAgain();
  await expect(chat.recorded("while it is away")).toHaveCount(1, { timeout: 40_000 });
  await agent.reply(conversation, "after the restart");
  await expect(chat.said("after the restart")).toHaveCount(1);
  await server.kill();
  await chat.say("after a power cut");
  await server.startAgain();
  await expect(chat.recorded("after a power cut")).toHaveCount(1, { timeout: 40_000 });
  await expect(chat.log.getByRole("listitem")).toHaveText([
    /您好/,
    /before two/,
    /while it is away/,
    /after the restart/,
    /after a power cut/,
  ]);
});

test("a minute without a network keeps what was written, over a reload too, and sends it once", async ({
  page,
  context,
  server,
}) => {
  await page.clock.install();
  const chat = await Chat.open(page, server);
  await chat.say("online three");
  await expect(chat.recorded("online three")).toBeVisible();
  await context.setOffline(true);
  await chat.say("offline three");
  await chat.say("offline four");
  await page.clock.runFor(60_000);
  await expect(page.getByText("网络已断开，恢复后自动发送").first()).toBeVisible();
  await expect(chat.said("offline four")).toContainText("待发送");
  await context.setOffline(false);
  await page.reload();
  await page.clock.runFor(2_000);
  await expect(chat.recorded("offline three")).toHaveCount(1);
  await expect(chat.recorded("offline four")).toHaveCount(1);
  await expect(chat.log.getByRole("listitem")).toHaveText([
    /您好/,
    /online three/,
    /offline three/,
    /offline four/,
  ]);
});

test("where sockets don't come through, the event stream does", async ({ page, server }) => {
  const agent = await agentOf(server);
  await page.routeWebSocket(/socket/, (socket) => socket.close({ code: 1011 }));
  const chat = await Chat.open(page, server);
  await chat.say("over the stream");
  await expect(chat.recorded("over the stream")).toHaveCount(1, { timeout: 40_000 });
  await agent.reply(await held(agent, "over the stream"), "heard over the stream");
  await expect(chat.said("heard over the stream")).toHaveCount(1);
});

test("a receipt verifies in the page and as a file, and one that was tampered with is refused", async ({
  page,
  server,
}) => {
  const watch = await Watch.on(page);
  const chat = await Chat.open(page, server);
  await chat.say("请存证这句话");
  await expect(chat.recorded("请存证这句话")).toBeVisible();
  await page.getByRole("button", { name: "存证回执" }).click();
  const item = page.getByRole("listitem").filter({ hasText: "请存证这句话" });
  await expect(async () => {
    await item.getByRole("button", { name: /核验/ }).click();
    await expect(item.getByRole("status")).toContainText("核验通过", { timeout: 2_000 });
  }).toPass();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    item.getByRole("button", { name: /下载/ }).click(),
  ]);
  const receipt = readFileSync(await download.path(), "utf8");
  expect(download.suggestedFilename()).toMatch(/^\d+\.tlog-proof$/);
  const file = page.locator("#lww-file");
  const verdict = page.locator(".receipts > .verdict:not(.all)");
  const upload = (text: string) =>
    file.setInputFiles({ name: "kept.tlog-proof", mimeType: "text/plain", buffer: Buffer.from(text) });
  await upload(receipt);
  await expect(verdict).toContainText("核验通过");
  // The first letter of the first hash of the path.
  const changed = receipt.replace(/^[A-Za-z0-9+/](?=[A-Za-z0-9+/]{42}=$)/m, (letter) =>
    letter === "A" ? "B" : "A",
  );
  expect(changed).not.toBe(receipt);
  for (const bad of [changed, receipt.slice(0, -20), "x", receipt.replace("c2sp.org", "c2sp.example")]) {
    await upload(bad);
    await expect(verdict).toContainText("核验未通过");
  }
  await accessible(page);
  watch.clean();
});

test("everything can be done with the keyboard alone", async ({ page, server }) => {
  await page.goto(`${server.base}/demo/`);
  const launch = page.getByRole("button", { name: "打开在线客服" });
  await launch.focus();
  await page.keyboard.press("Enter");
  const chat = new Chat(page);
  await expect(chat.input).toBeFocused();
  await page.keyboard.type("keyboard only");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("second line");
  await page.keyboard.press("Enter");
  await expect(chat.recorded("keyboard only")).toContainText("second line");
  const host = page.locator("lww-chat");
  for (let steps = 0; steps < 8; steps += 1) {
    await page.keyboard.press("Shift+Tab");
    if (await page.getByRole("button", { name: "文字大小" }).evaluate((tool) => tool.matches(":focus")))
      break;
  }
  await page.keyboard.press("Enter");
  await expect(host).toHaveAttribute("data-size", "1");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(host).toHaveAttribute("lang", "en");
  await expect(page.getByRole("textbox", { name: "Type your question" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Open customer service chat" })).toBeFocused();
});
