/** The inbox with real customers: both ways, over a restart of the server, with nothing typed lost. */
import { Visitor, logIn } from "./console-people";
import { Watch, accessible } from "./eyes";
import { expect, test } from "./harness";

test.use({ wish: { name: "console-inbox" } });

test.beforeEach(async ({ server }) => {
  await (await server.login("agent")).present();
});

test("a customer and an agent hear each other, masked, with the true state of delivery", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "agent");
  await page.goto(`${server.base}/console/inbox`);
  await expect(page.getByText("接待中")).toBeVisible();
  const customer = await Visitor.come(server);
  const id = await customer.say("你好😀，我的手机号是 13812345678，卡丢了");
  const row = page.locator(".row").first();
  await expect(row).toBeVisible();
  await row.click();
  await expect(page).toHaveURL(new RegExp(`/inbox/${id}$`));

  const chip = page.getByRole("button", { name: /手机号 已脱敏/ });
  await expect(chip).toContainText("138****5678");
  await expect(page.getByText("13812345678")).toHaveCount(0);
  await chip.hover();
  await expect(page.getByText("C2 可识别个人或账户")).toBeVisible();
  await accessible(page);

  await page.getByLabel("回复客户", { exact: true }).fill("您好，已为您挂失。");
  await page.keyboard.press("Enter");
  const mine = page.locator(".message.ours").last();
  await expect(mine).toContainText("您好，已为您挂失。");
  await expect(mine).toContainText("已存证");
  await expect.poll(async () => (await customer.heard()).at(-1)?.text).toBe("您好，已为您挂失。");
  await customer.seen((await customer.heard()).at(-1)?.index ?? 0);
  await expect(mine).toContainText("已读");
  await expect(page.locator(".outgoing")).toHaveCount(0);

  await customer.say("谢谢");
  await expect(page.locator(".message.theirs").last()).toContainText("谢谢");
  watch.clean();
});

test("a reply that the masker changes is shown as it was recorded", async ({ page, context, server }) => {
  await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  const id = await customer.say("请问怎么联系你们？");
  await page.goto(`${server.base}/console/inbox/${id}`);
  await page.getByLabel("回复客户", { exact: true }).fill("请拨打 13900001111");
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.ours").last()).toContainText("139****1111");
});

test("a server that goes away is told; what is typed and sent waits, and arrives once", async ({
  page,
  context,
  server,
}) => {
  await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  const id = await customer.say("我想办贷款");
  await page.goto(`${server.base}/console/inbox/${id}`);
  await expect(page.locator(".message.theirs")).toHaveCount(1);
  const box = page.getByLabel("回复客户", { exact: true });

  await server.stop();
  await expect(page.getByText("服务器暂时连接不上，正在重新连接")).toBeVisible();
  await box.fill("第一句，断线时发出");
  await page.keyboard.press("Enter");
  await expect(page.locator(".outgoing")).toContainText("等待重新发送");
  await box.fill("第二句，还没写完");

  await server.startAgain();
  await expect(page.locator(".message.ours").last()).toContainText("第一句，断线时发出");
  await expect(page.getByText("服务器暂时连接不上，正在重新连接")).toHaveCount(0);
  await expect(box).toHaveValue("第二句，还没写完");
  await customer.say("我还在");
  await expect(page.locator(".message.theirs").last()).toContainText("我还在");
  const heard = (await customer.heard()).map((message) => message.text);
  expect(heard.filter((text) => text === "第一句，断线时发出")).toHaveLength(1);

  // A crash of the browser: the page is gone, the draft is not.
  const other = await context.newPage();
  await page.close();
  await other.goto(`${server.base}/console/inbox/${id}`);
  await expect(other.getByLabel("回复客户", { exact: true })).toHaveValue("第二句，还没写完");
});

test("a session that ends sends to the login and back, and nothing typed is lost", async ({
  page,
  context,
  server,
}) => {
  const agent = await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  const id = await customer.say("账单不对");
  await page.goto(`${server.base}/console/inbox/${id}`);
  await page.getByLabel("回复客户", { exact: true }).fill("我正在查");
  await agent.send("DELETE", "/api/v1/session", {});
  // The socket looks every twenty seconds whether its session is still one.
  await expect(page.getByText(/登录已过期，请重新登录/)).toBeVisible({ timeout: 40_000 });
  await expect(page.getByText("账单不对")).toHaveCount(0);
  await logIn(page, server.accounts.agent);
  await expect(page.locator(".message.theirs")).toContainText(["账单不对"]);
  await expect(page.getByLabel("回复客户", { exact: true })).toHaveValue("我正在查");
  await page.getByRole("button", { name: "发送", exact: true }).click();
  await expect(page.locator(".message.ours").last()).toContainText("我正在查");
});

test("a conversation is solved and closed, and can't be answered then", async ({ page, context, server }) => {
  await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  const id = await customer.say("好了，谢谢");
  await page.goto(`${server.base}/console/inbox/${id}`);
  await page.getByRole("button", { name: "标记解决" }).click();
  await expect(page.getByText(/会话已标记为解决/)).toBeVisible();
  await expect(page.getByLabel("回复客户", { exact: true })).toBeDisabled();
  await page.getByRole("button", { name: "更多操作" }).click();
  await page.getByRole("menuitem", { name: "关闭会话" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "关闭会话" }).click();
  await expect(page.getByText("会话已关闭。")).toBeVisible();
});

test("the inbox is worked by keys alone", async ({ page, context, server }) => {
  await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  await customer.say("键盘");
  await page.goto(`${server.base}/console/inbox`);
  await expect(page.locator(".row").first()).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "键盘快捷键" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "键盘快捷键" })).toHaveCount(0);
  await page.keyboard.press("j");
  await expect(page.locator(".message").first()).toBeVisible();
  await page.keyboard.press("r");
  await page.keyboard.type("收到");
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.ours").last()).toContainText("收到");
});

test("ten thousand conversations are listed with a handful of rows in the page", async ({
  page,
  context,
  server,
}) => {
  await server.enter(context, "supervisor");
  const COUNT = 10_000;
  await page.route("**/api/v1/agent/conversations?**", async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const after = Number(query.get("after") ?? COUNT);
    const limit = Number(query.get("limit"));
    const conversations = Array.from({ length: Math.min(limit, after) }, (_, at) => {
      const opened = after - at - 1;
      const id = opened.toString(16).padStart(32, "0");
      const time = new Date(1_700_000_000_000 + opened * 60_000).toISOString();
      const more = { delivered: null, read: null, continues: null, tier: null, language: "zh", wish: null };
      return {
        id,
        state: "closed",
        agent: null,
        channel: "web:widget",
        messages: 3,
        opened,
        opened_at: time,
        last_at: time,
        contact: id,
        queue: "default",
        priority: 5,
        ...more,
      };
    });
    await route.fulfill({ json: { conversations, next: conversations.at(-1)?.opened ?? null } });
  });
  await page.goto(`${server.base}/console/inbox`);
  await page.getByRole("button", { name: "全部", exact: true }).click();
  const first = page.locator("li[aria-posinset='1']");
  await expect(first).toBeVisible();
  const scroller = page.locator(".list .scroller");
  await expect
    .poll(
      async () => {
        await scroller.evaluate((box) => box.scrollTo({ top: box.scrollHeight }));
        return page.locator(`li[aria-posinset='${COUNT}']`).isVisible();
      },
      { timeout: 45_000, intervals: [50] },
    )
    .toBe(true);
  expect(await page.locator(".row").count()).toBeLessThan(60);
});

test("what the first page loads stays within 300 KB of packed script", async ({ page, context, server }) => {
  await server.enter(context, "agent");
  await page.goto(`${server.base}/console/`);
  await expect(page.getByText("接待中").or(page.getByText("未接待"))).toBeVisible();
  const scripts = await page.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .filter((entry) => entry.name.endsWith(".js"))
      .map((entry) => ({ name: entry.name.split("/").at(-1), bytes: entry.encodedBodySize })),
  );
  const bytes = scripts.reduce((sum, script) => sum + script.bytes, 0);
  console.log(`console, first load: ${scripts.length} scripts, ${bytes} bytes packed`);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(300_000);
});

test("a note stays inside the bank, and a supervisor takes over in sight of the agent", async ({
  page,
  context,
  browser,
  server,
}) => {
  await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  const id = await customer.say("我要投诉");
  await page.goto(`${server.base}/console/inbox/${id}`);
  await page.getByRole("button", { name: "内部备注" }).click();
  await page.getByLabel("内部备注", { exact: true }).fill("客户情绪激动，电话 13712345678");
  await page.keyboard.press("Enter");
  await expect(page.locator("article.note")).toContainText("137****5678");
  await accessible(page);

  const upstairs = await browser.newContext({ locale: "zh-CN" });
  await server.enter(upstairs, "supervisor");
  const chief = await upstairs.newPage();
  await chief.goto(`${server.base}/console/inbox/${id}`);
  await expect(chief.locator("article.note")).toContainText("客户情绪激动");
  await expect(chief.getByLabel("回复客户", { exact: true })).toBeDisabled();
  await chief.getByRole("button", { name: "接管" }).click();
  await expect(page.getByText("此会话已由他人接待，您不能再回复。")).toBeVisible();
  await chief.getByLabel("回复客户", { exact: true }).fill("我是主管，您请说。");
  await chief.keyboard.press("Enter");
  await expect.poll(async () => (await customer.heard()).at(-1)?.text).toBe("我是主管，您请说。");
  const heard = (await customer.heard()).map((message) => message.text).join("\n");
  expect(heard).not.toContain("情绪激动");

  // Given back to the queue, it comes to whoever has a place.
  await chief.getByRole("button", { name: "转接" }).click();
  await chief.getByRole("dialog").getByRole("button", { name: "转接" }).click();
  await expect(chief.getByText("已转接")).toBeVisible();
  await upstairs.close();
});

test("a supervisor keeps canned replies, an agent uses one by a slash and sees who else looks", async ({
  page,
  context,
  browser,
  server,
}) => {
  const upstairs = await browser.newContext({ locale: "zh-CN" });
  await server.enter(upstairs, "supervisor");
  const chief = await upstairs.newPage();
  await server.enter(context, "agent");
  const customer = await Visitor.come(server);
  const id = await customer.say("在吗？");
  await chief.goto(`${server.base}/console/inbox/${id}`);
  await chief.getByRole("button", { name: "管理快捷回复" }).click();
  const dialog = chief.getByRole("dialog", { name: "管理快捷回复" });
  await dialog.getByRole("button", { name: "新建" }).click();
  await dialog.getByLabel("标题").fill("问候");
  await dialog.getByLabel("快捷词").fill("hi");
  await dialog.getByLabel("内容").fill("您好，我是{agent}，请讲。");
  await dialog.getByRole("button", { name: "保存" }).click();
  await expect(dialog.getByText("/hi")).toBeVisible();
  await accessible(chief);

  await page.goto(`${server.base}/console/inbox/${id}`);
  await expect(page.getByText(/主管.*正在查看/)).toBeVisible();
  const box = page.getByLabel("回复客户", { exact: true });
  await box.pressSequentially("/hi");
  await expect(page.getByRole("option", { name: /问候/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(box).toHaveValue(/^您好，我是客服小林.*，请讲。$/);
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.ours").last()).toContainText("请讲。");
  await upstairs.close();
});
