/** A desk's day in the console: being there, lists and queues, giving away, two at once, canned words, skills. */
import type { Browser, Page } from "@playwright/test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Visitor } from "./console-people";
import { expect, type Role, type Server, Staff, test } from "./harness";

/** The built-in table with a second queue, for those who speak English. */
function table(): string {
  const file = resolve(import.meta.dirname, "../../policies/routing/built-in.yaml");
  const queue =
    "  - {name: english, hours: always, priority: 5, no_answer_s: 600, offline_s: 60, closed: Later.}\n";
  const row = "  - {id: english, when: {language: [en]}, queue: english}\n";
  const proof = "  - {case: {channel: web, language: en, at: 2026-11-26 03:00}, row: english}\n";
  const text = readFileSync(file, "utf8")
    .replace("id: built-in", "id: two-queues")
    .replace("\nrules:\n", `\n${queue}\nrules:\n`)
    .replace("  - {id: default,", `${row}  - {id: default,`)
    .replace("\ntests:\n", `\ntests:\n${proof}`)
    .replace("tier: vip, language: en,", "tier: vip, language: zh,");
  const path = join(mkdtempSync(join(tmpdir(), "lww-table-")), "routing.yaml");
  writeFileSync(path, text);
  return path;
}

test.use({ wish: { name: "desk", tenantKeys: `agents_capacity_default = 8\nrouting = "${table()}"` } });

/** Somebody's screen, in a browser of its own. */
async function screenOf(browser: Browser, server: Server, role: Role, path: string): Promise<Page> {
  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, role);
  const page = await context.newPage();
  await page.goto(`${server.base}/console/${path}`);
  return page;
}

test("an agent switches being there on and off, and the places that are taken are counted", async ({
  browser,
  server,
}) => {
  const page = await screenOf(browser, server, "agent", "inbox");
  const bar = page.locator(".list .bar");
  const places = page.getByRole("switch", { name: "接待新会话" });
  await expect(bar).toContainText("未接待");
  await expect(bar).toContainText("0 / 8");
  await expect(page.getByText("当前没有您接待的会话")).toBeVisible();
  await expect(page.getByText(/您尚未开始接待/)).toBeVisible();
  await bar.locator(".el-switch").click();
  await expect(bar).toContainText("接待中");
  await expect(places).toBeChecked();
  for (const text of ["一号", "二号"]) await (await Visitor.come(server)).say(text);
  await expect(bar).toContainText("2 / 8");
  await expect(page.locator(".row")).toHaveCount(2);
  await bar.locator(".el-switch").click();
  await expect(bar).toContainText("未接待");
  await (await Visitor.come(server)).say("三号");
  await expect(bar).toContainText("1 人等待");
  await expect(page.locator(".row")).toHaveCount(2);
  await bar.locator(".el-switch").click();
  await expect(bar).toContainText("3 / 8");
  await page.context().close();
});

test("a supervisor finds who waits, by queue too, from the queues' page, and what is solved", async ({
  browser,
  server,
}) => {
  const agent = await server.login("agent");
  await agent.present();
  const solved = await (await Visitor.come(server)).say("解决了的");
  await agent.ask("POST", `/api/v1/agent/conversations/${solved}/solve`, {});
  await agent.present(false);
  const plain = await (await Visitor.come(server)).say("请问利率");
  const english = await (await Visitor.come(server, { language: "en" })).say("What is the rate?");

  const page = await screenOf(browser, server, "supervisor", "queues");
  const card = (name: string) => page.locator(".queue").filter({ has: page.getByRole("heading", { name }) });
  await expect(card("english")).toContainText("服务中");
  await expect(card("english").locator(".big").first()).toHaveText("1");
  await expect(page.getByRole("row", { name: /客服小林/ })).toContainText("/ 8");
  await expect(page.getByRole("row", { name: /客服小林/ })).toContainText("未接待");
  await page.getByRole("link", { name: "每周服务时间" }).click();
  await expect(page.getByRole("heading", { name: "always" })).toBeInViewport();
  await page.getByRole("link", { name: "队列现况" }).click();
  await card("english").getByRole("button", { name: "查看等待的会话" }).click();

  const rows = page.locator(".row");
  await expect(page.getByRole("button", { name: /^等待中/ })).toHaveAttribute("aria-pressed", "true");
  await expect(rows).toHaveCount(1);
  await rows.first().click();
  await expect(page).toHaveURL(new RegExp(`/inbox/${english}$`));
  await expect(page.getByText("此会话仍在排队，接待后才能回复。")).toBeVisible();
  const choose = async (queue: string) => {
    await page.locator(".list .queue").click();
    await page.getByRole("option", { name: queue, exact: true }).click();
  };
  await choose("default");
  await expect(rows).toHaveCount(1);
  await rows.first().click();
  await expect(page).toHaveURL(new RegExp(`/inbox/${plain}$`));
  await choose("全部队列");
  await expect(rows).toHaveCount(2);
  await page.getByRole("button", { name: "已解决" }).click();
  await expect(rows).toHaveCount(1);
  await rows.first().click();
  await expect(page).toHaveURL(new RegExp(`/inbox/${solved}$`));
  await page.getByRole("button", { name: "已关闭" }).click();
  await expect(page.getByText("没有已关闭的会话")).toBeVisible();
  await page.context().close();
});

test("an agent gives a conversation to another one, with a note that only staff see", async ({
  browser,
  server,
}) => {
  const admin = await server.login("admin");
  const made = { login: "mei", name: "小梅", role: "agent" };
  const { password } = await admin.ask<{ password: string }>("POST", "/api/v1/admin/accounts", made);
  const account = { tenant: "demo", login: "mei", password: "a longer password of mei" };
  const first = await Staff.login(server.base, { ...account, password });
  await first.ask("POST", "/api/v1/session/password", { old: password, new: account.password });
  const agent = await server.login("agent");
  await agent.present();
  const customer = await Visitor.come(server);
  const id = await customer.say("请转给小梅");
  const mei = await Staff.login(server.base, account);
  await mei.present();

  const page = await screenOf(browser, server, "agent", `inbox/${id}`);
  await expect(page.locator(".message.theirs")).toHaveCount(1);
  await page.getByRole("button", { name: "转接", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "转接会话" });
  await dialog.getByText("转给坐席").click();
  await expect(dialog.getByRole("button", { name: "转接" })).toBeDisabled();
  await dialog.getByRole("combobox", { name: "坐席" }).click();
  await page.getByRole("option", { name: /小梅/ }).click();
  await dialog.getByLabel(/交接备注/).fill("老客户，请关照");
  await dialog.getByRole("button", { name: "转接" }).click();
  await expect(page.getByText("已转接")).toBeVisible();
  await expect(page.getByLabel("回复客户", { exact: true })).toBeDisabled();

  await expect.poll(async () => (await mei.conversations("assigned")).map((one) => one.id)).toContain(id);
  await mei.reply(id, "您好，我是小梅。");
  await expect.poll(async () => (await customer.heard()).at(-1)?.text).toBe("您好，我是小梅。");
  expect((await customer.heard()).map(({ text }) => text).join()).not.toContain("请关照");
  await mei.present(false);
  await page.context().close();
});

test("whoever looks on is warned that somebody else is replying", async ({ browser, server }) => {
  await (await server.login("agent")).present();
  const id = await (await Visitor.come(server)).say("两个人看");
  const page = await screenOf(browser, server, "agent", `inbox/${id}`);
  const chief = await screenOf(browser, server, "supervisor", `inbox/${id}`);
  await expect(chief.getByText(/客服小林.*正在查看/)).toBeVisible();
  await expect(chief.getByText(/也在回复此会话/)).toHaveCount(0);
  await page.getByLabel("回复客户", { exact: true }).pressSequentially("我来答", { delay: 100 });
  await expect(chief.getByText(/注意：客服小林.* 也在回复此会话/)).toBeVisible();
  await page.context().close();
  await chief.context().close();
});

test("a canned reply fills in every variable, and one with another is refused when it is kept", async ({
  browser,
  server,
}) => {
  const supervisor = await server.login("supervisor");
  const text = "{agent}|{queue}|{time}|{bank}";
  const other = await supervisor.send("POST", "/api/v1/agent/replies", { title: "别的", text: "{balance}" });
  expect(other.status).toBe(422);
  await supervisor.ask("POST", "/api/v1/agent/replies", { title: "全部变量", text, shortcut: "all" });
  await (await server.login("agent")).present();
  const id = await (await Visitor.come(server, { language: "en" })).say("Variables");
  const page = await screenOf(browser, server, "agent", `inbox/${id}`);
  await page.getByLabel("回复客户", { exact: true }).pressSequentially("/all");
  await page.getByRole("option", { name: /全部变量/ }).click();
  await expect(page.getByLabel("回复客户", { exact: true })).toHaveValue(
    /^客服小林[^|]*\|english\|\d\d:\d\d\|demo$/,
  );
  await page.context().close();
});

test("a masked value tells its rule, what asks for it, its class and how sure it is", async ({
  browser,
  server,
}) => {
  await (await server.login("agent")).present();
  const id = await (await Visitor.come(server)).say("手机13812345678，CVV 737");
  const page = await screenOf(browser, server, "agent", `inbox/${id}`);
  await page.getByRole("button", { name: /手机号 已脱敏/ }).hover();
  const why = page.locator(".el-popover:visible");
  await expect(why).toContainText("cn.mobile");
  await expect(why).toContainText("JR/T 0171-2020 7.1");
  await expect(why).toContainText("C2 可识别个人或账户");
  await expect(why).toContainText(/把握\d+%/);
  await expect(why).toContainText("原文已加密保存；点选可核对");
  await page.mouse.move(0, 0);
  await page.getByRole("button", { name: /卡安全码 已脱敏/ }).hover();
  await expect(page.locator(".el-popover:visible").last()).toContainText("未保存原文");
  await page.context().close();
});

test("an administrator edits an agent's skills, and a skill of no table is refused", async ({
  browser,
  server,
}) => {
  const page = await screenOf(browser, server, "admin", "accounts");
  const row = page.getByRole("row", { name: /客服小林/ });
  const edit = async () => {
    await row.getByRole("button", { name: /^操作/ }).click();
    await page.getByRole("menuitem", { name: "修改" }).click();
  };
  await edit();
  const skills = page.getByRole("dialog").getByLabel("技能", { exact: true });
  for (const skill of ["card", "english"]) {
    await skills.fill(skill);
    await skills.press("Enter");
  }
  await page.getByRole("button", { name: "保存" }).click();
  await expect(row).toContainText("card、english");
  await edit();
  await skills.fill("juggling");
  await skills.press("Enter");
  await page.getByRole("button", { name: "保存" }).click();
  await expect(page.getByRole("dialog").locator(".el-form-item__error, [role=alert]")).toBeVisible();
  await expect(row).not.toContainText("juggling");
  const { agents } = await (
    await server.login("supervisor")
  ).ask<{ agents: { skills: string[] }[] }>("GET", "/api/v1/agent/colleagues");
  expect(agents.flatMap((one) => one.skills).sort()).toEqual(["card", "english"]);
  await page.context().close();
});
