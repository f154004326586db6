/** What can happen on the way: one server dies and another takes over, and a network goes dead without a word. */
import type { Page } from "@playwright/test";
import { expect, type Server, test, until } from "./harness";
import { Proxy } from "./proxy";

test.use({ wish: { name: "network" } });
test.setTimeout(300_000);

const PATIENCE = { timeout: 90_000 };

const log = (page: Page) => page.getByRole("log");
const item = (page: Page, text: string) => log(page).getByRole("listitem").filter({ hasText: text });
const input = (page: Page) => page.getByRole("textbox");

async function open(page: Page, base: string): Promise<void> {
  await page.goto(`${base}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
  await watchOnce(page);
}

async function say(page: Page, text: string): Promise<void> {
  await input(page).fill(text);
  await input(page).press("Enter");
}

/** Notes whatever stands twice in the log at any moment, or was there and is gone. */
async function watchOnce(page: Page): Promise<void> {
  await page.locator("lww-chat").evaluate((host) => {
    const list = host.shadowRoot?.querySelector(".log ol") as HTMLElement;
    const wrong: string[] = ((window as unknown as { lwwWrong: string[] }).lwwWrong = []);
    const known = new Set<string>();
    new MutationObserver(() => {
      const texts = [...list.querySelectorAll(".said .text")].map((one) => one.textContent ?? "");
      for (const text of known) if (!texts.includes(text)) wrong.push(`gone: ${text}`);
      texts.forEach((text, at) => texts.indexOf(text) !== at && wrong.push(`twice: ${text}`));
      texts.forEach((text) => known.add(text));
    }).observe(list, { childList: true, subtree: true });
  });
}

const wrong = (page: Page) => page.evaluate(() => (window as unknown as { lwwWrong: string[] }).lwwWrong);

/** What the ledger says was written, in its order. */
async function recorded(server: Server, base: string, text: string): Promise<string[]> {
  const staff = await server.login("supervisor", base);
  for (const { id } of await staff.conversations("assigned")) {
    const { messages } = await staff.ask<{ messages: { text: string }[] }>(
      "GET",
      `/api/v1/agent/conversations/${id}`,
    );
    const texts = messages.map((message) => message.text);
    if (texts.includes(text)) return texts;
  }
  return [];
}

for (const way of ["socket", "stream"] as const) {
  test(`a minute without a network is noticed in silence and ends with everything once: ${way}`, async ({
    page,
    server,
  }) => {
    const proxy = await Proxy.before(server.base);
    const agent = await server.login("agent");
    await agent.present();
    if (way === "stream") await page.routeWebSocket(/socket/, (socket) => socket.close({ code: 1011 }));
    await open(page, proxy.base);
    const word = (text: string) => `${text} ${way}`;
    await say(page, word("断网以前"));
    await expect(item(page, word("断网以前"))).toContainText(/已存证|已读/, PATIENCE);
    await expect(page.getByText("人工客服已接入")).toBeVisible(PATIENCE);

    // Nobody says anything: the window finds out by itself.
    proxy.die();
    const since = Date.now();
    await expect(page.locator("lww-chat .health")).toHaveText("正在连接…", { timeout: 60_000 });
    for (const text of ["断网一", "断网二", "断网三"]) await say(page, word(text));
    await input(page).fill("还没写完");
    await expect(item(page, word("断网三"))).toContainText("待发送");
    await new Promise((done) => setTimeout(done, Math.max(0, 60_000 - (Date.now() - since))));

    proxy.revive({ forgotten: way === "stream" });
    for (const text of ["断网一", "断网二", "断网三"])
      await expect(item(page, word(text))).toContainText(/已存证|已读/, PATIENCE);
    await expect(input(page)).toHaveValue("还没写完");
    const all = ["断网以前", "断网一", "断网二", "断网三"].map(word);
    await expect(log(page).locator("li.customer .text")).toHaveText(all);
    expect(await wrong(page)).toEqual([]);
    expect(await recorded(server, server.base, word("断网以前"))).toEqual(all);
    await proxy.end();
  });
}

test("what was sent into a network that had died is recorded once, also when it arrives late", async ({
  page,
  server,
}) => {
  const proxy = await Proxy.before(server.base);
  await open(page, proxy.base);
  await say(page, "之前");
  await expect(item(page, "之前")).toContainText(/已存证|已读/, PATIENCE);
  proxy.die();
  // It goes into the dead connection, and into the next as well.
  await say(page, "发进断网");
  await expect(page.locator("lww-chat .health")).toHaveText("正在连接…", { timeout: 60_000 });
  proxy.revive();
  await expect(item(page, "发进断网")).toContainText(/已存证|已读/, PATIENCE);
  await say(page, "之后");
  await expect(item(page, "之后")).toContainText(/已存证|已读/, PATIENCE);
  await expect(log(page).locator("li.customer .text")).toHaveText(["之前", "发进断网", "之后"]);
  expect(await wrong(page)).toEqual([]);
  await proxy.end();
});

// The last one: the first server is dead afterwards.
test("a server that is killed is followed by the other, and customer and agent lose nothing and double nothing", async ({
  browser,
  server,
}) => {
  const proxy = await Proxy.before(server.base);
  const second = await server.second();
  proxy.add(second.base);
  const [customers, staff] = [await browser.newContext(), await browser.newContext()];
  // Somebody who has nothing of the tests before.
  await (await server.login("agent")).present(false);
  const agent = await server.enter(staff, await server.hire("lin", 5));
  await agent.present();
  const [customer, desk] = [await customers.newPage(), await staff.newPage()];
  await desk.goto(`${proxy.base}/console/inbox`);
  await open(customer, proxy.base);
  await say(customer, "切换以前");
  await desk.locator(".row").first().click(PATIENCE);
  const reply = desk.getByLabel("回复客户", { exact: true });
  await reply.fill("我在");
  await desk.keyboard.press("Enter");
  await expect(item(customer, "我在")).toContainText("人工客服", PATIENCE);

  await reply.fill("草稿没有发出");
  await server.kill();
  const banner = desk.getByText("服务器暂时连接不上，正在重新连接");
  await expect(banner).toBeVisible(PATIENCE);
  await expect(customer.locator("lww-chat .health")).toHaveText("正在连接…", PATIENCE);
  await say(customer, "切换之中");
  await input(customer).fill("客户的草稿");
  await expect(item(customer, "切换之中")).toContainText("待发送");

  await expect(item(customer, "切换之中")).toContainText(/已存证|已读/, PATIENCE);
  await expect(banner).toHaveCount(0, PATIENCE);
  await expect(desk.locator(".message.theirs").last()).toContainText("切换之中", PATIENCE);
  await expect(input(customer)).toHaveValue("客户的草稿");
  await expect(reply).toHaveValue("草稿没有发出");
  await reply.press("Enter");
  await expect(item(customer, "草稿没有发出")).toContainText("人工客服", PATIENCE);
  await input(customer).press("Enter");
  await expect(item(customer, "客户的草稿")).toContainText(/已存证|已读/, PATIENCE);
  const all = ["切换以前", "我在", "切换之中", "草稿没有发出", "客户的草稿"];
  await expect(log(customer).locator("li:not(.server) .text")).toHaveText(all);
  await until("the desk to show everything once", async () => {
    const texts = await desk.locator(".message.theirs, .message.ours").allInnerTexts();
    return texts.length === all.length && all.every((text, at) => texts[at]?.includes(text));
  });
  expect(await wrong(customer)).toEqual([]);
  expect(await recorded(server, second.base, "切换以前")).toEqual(all);
  await Promise.all([customers.close(), staff.close()]);
  await second.stop();
  await proxy.end();
});
