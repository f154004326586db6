/** The console's doors and accounts: logging in and what comes first, who sees what, accounts out of a file. */
import { codeOf, logIn } from "./console-people";
import { Watch, accessible } from "./eyes";
import { expect, test } from "./harness";

test.use({ wish: { name: "console" } });

const CONSOLE = "/console/";

test("ten wrong passwords lock an account, each pause is told and longer, and only an administrator ends it", async ({
  page,
  browser,
  server,
}) => {
  const admin = await server.login("admin");
  const made = { login: "clumsy", name: "小林", role: "auditor" };
  const { password } = await admin.ask<{ password: string }>("POST", "/api/v1/admin/accounts", made);
  const clumsy = { tenant: "demo", login: "clumsy", password };
  const button = page.getByRole("button", { name: "登录", exact: true });
  await page.goto(server.base + CONSOLE);
  await expect(page.getByRole("heading", { name: "登录控制台" })).toBeVisible();
  await accessible(page);
  const guess = () => logIn(page, { ...clumsy, password: "a wrong one" });
  for (let turn = 0; turn < 5; turn += 1) {
    await guess();
    await expect(page.getByText("登录名或密码不正确。")).toBeVisible();
    await expect(page.getByLabel("密码")).toHaveValue("");
  }
  for (const pause of [60, 120, 240, 480, 960]) {
    await guess();
    const told = page.getByText(/失败次数过多，请在 \d+ 秒后再试。/);
    await expect(told).toBeVisible();
    const left = Number(/\d+/.exec((await told.textContent()) ?? "")?.[0]);
    expect(left).toBeLessThanOrEqual(pause);
    expect(left).toBeGreaterThan(pause / 2);
    await expect(button).toBeDisabled();
    // The right password is no way around it.
    await page.reload();
    await logIn(page, clumsy);
    await expect(told).toBeVisible();
    server.passes(pause);
    await page.reload();
    await guess();
    await expect(page.getByText("登录名或密码不正确。")).toBeVisible();
  }
  server.passes(24 * 3_600);
  await page.reload();
  await logIn(page, clumsy);
  await expect(page.getByText("该账号因多次登录失败已被锁定。")).toBeVisible();
  await expect(page.getByText(/等待不会自动解锁：请联系管理员/)).toBeVisible();
  await accessible(page);

  // Nobody else is locked out, neither from elsewhere nor from the same page.
  await logIn(page, server.accounts.auditor);
  await expect(page.getByRole("button", { name: "账号菜单" })).toBeVisible();
  const office = await browser.newContext({ locale: "zh-CN" });
  await server.enter(office, "admin");
  const accounts = await office.newPage();
  await accounts.goto(`${server.base}/console/accounts`);
  const row = accounts.getByRole("row", { name: /clumsy/ });
  await expect(row).toContainText("已锁定");
  await accounts.getByRole("button", { name: "解锁" }).click();
  await expect(row).not.toContainText("已锁定");
  await office.close();

  const own = await browser.newPage({ locale: "zh-CN" });
  await own.goto(server.base + CONSOLE);
  await logIn(own, clumsy);
  await expect(own.getByRole("heading", { name: "请先修改密码" })).toBeVisible();
  await own.context().close();
});

test("a one-time password must be changed first, then one is led where one wanted to go", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  const admin = await server.login("admin");
  const body = { login: "fresh", name: "新人", role: "auditor" };
  const { password } = await admin.ask<{ password: string }>("POST", "/api/v1/admin/accounts", body);
  await page.goto(`${server.base}/console/accounts`);
  await logIn(page, { tenant: "demo", login: "fresh", password });
  await expect(page.getByRole("heading", { name: "请先修改密码" })).toBeVisible();
  // Nothing else is open before that.
  await page.goto(`${server.base}/console/accounts`);
  await expect(page.getByRole("heading", { name: "请先修改密码" })).toBeVisible();
  await page.getByLabel("当前密码").fill(password);
  await page.getByLabel("新密码", { exact: true }).fill("short");
  await expect(page.getByText("新密码至少需要 12 个字符。")).toBeVisible();
  await page.getByLabel("新密码", { exact: true }).fill("a password of one's own");
  await page.getByLabel("再次输入新密码").fill("a password of one's own");
  await accessible(page);
  await page.getByRole("button", { name: "修改密码" }).click();
  await expect(page.getByText("密码已修改，请用新密码登录。")).toBeVisible();
  await logIn(page, { tenant: "demo", login: "fresh", password: "a password of one's own" });
  await expect(page.getByRole("heading", { name: "坐席与账号" })).toBeVisible();
  watch.clean();
});

test("a second factor is set up by its code, asked for at the next login, and recovered", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "compliance");
  await page.goto(`${server.base}/console/own`);
  await page.getByRole("button", { name: "设置或更换" }).click();
  await expect(page.getByRole("img", { name: "第二验证因素的二维码" })).toBeVisible();
  const secret = (await page.locator(".secret").textContent()) ?? "";
  await page.getByLabel(/6 位口令/).fill(codeOf(secret));
  await page.getByRole("button", { name: "确认启用" }).click();
  await expect(page.getByRole("heading", { name: "恢复码" })).toBeVisible();
  const codes = await page.locator(".codes li").allTextContents();
  expect(codes).toHaveLength(10);
  await accessible(page);
  await page.getByRole("button", { name: "我已妥善保存" }).click();

  await page.getByRole("button", { name: "账号菜单" }).click();
  await page.getByRole("menuitem", { name: "退出登录" }).click();
  await logIn(page, server.accounts.compliance);
  await expect(page.getByRole("heading", { name: "第二验证因素" })).toBeVisible();
  await page.getByLabel("动态口令或恢复码").fill("000000");
  await page.getByRole("button", { name: "确认" }).click();
  await expect(page.getByText(/动态口令错误、已过期或已使用/)).toBeVisible();
  await page.getByLabel("动态口令或恢复码").fill(codes[0] ?? "");
  await page.getByRole("button", { name: "确认" }).click();
  await expect(page.getByRole("button", { name: "账号菜单" })).toBeVisible();
  watch.clean();
});

test("fifty accounts come out of a file, faults are told by line and column, passwords are shown once", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "admin");
  await page.goto(`${server.base}/console/accounts`);
  await page.getByRole("button", { name: "批量导入" }).click();
  const choose = (text: string) =>
    page
      .getByLabel(/选择 CSV 文件/)
      .setInputFiles({ name: "a.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  await choose("login,name,role,capacity\nada,阿达,agent,8\nbob,=HYPERLINK,agent,8\nadmin,x,boss,\n");
  await expect(page.getByText(/第 3 行，name：/)).toBeVisible();
  await expect(page.getByText(/第 4 行，login：已有账号使用此登录名/)).toBeVisible();
  await expect(page.getByText(/第 4 行，role：/)).toBeVisible();
  await expect(page.getByRole("button", { name: /^导入/ })).toBeDisabled();

  const lines = Array.from({ length: 50 }, (_, at) => `seat${at},坐席 ${at},agent,5`);
  await choose(`login,name,role,capacity\n${lines.join("\n")}\n`);
  await expect(page.getByText("预览：50 个账号")).toBeVisible();
  await accessible(page);
  await page.getByRole("button", { name: "导入 50 个账号" }).click();
  await expect(page.getByRole("dialog", { name: "一次性密码" })).toBeVisible({ timeout: 60_000 });
  const rows = page.getByRole("dialog", { name: "一次性密码" }).locator("tbody tr");
  await expect(rows).toHaveCount(50);
  const password = (await rows.first().locator("td").last().textContent()) ?? "";
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "下载", exact: true }).click();
  expect((await download).suggestedFilename()).toBe("one-time-passwords.csv");
  await page.getByRole("button", { name: "我已保存" }).click();
  await expect(page.getByText(password)).toHaveCount(0);
  await page.getByLabel("按姓名或登录名查找").fill("seat4");
  await expect(page.getByText("共 11 个账号")).toBeVisible();
  watch.clean();
});

test("an administrator makes, changes, resets and disables an account", async ({ page, context, server }) => {
  const watch = await Watch.on(context);
  await server.enter(context, "admin");
  await page.goto(`${server.base}/console/accounts`);
  await page.getByRole("button", { name: "新建账号" }).click();
  await page.getByLabel("登录名", { exact: true }).fill("mei");
  await page.getByLabel("姓名", { exact: true }).fill("小梅");
  await page.getByRole("button", { name: "保存" }).click();
  await expect(page.getByRole("dialog", { name: "一次性密码" })).toContainText("mei");
  await page.getByRole("button", { name: "我已保存" }).click();
  const row = page.getByRole("row", { name: /小梅/ });
  await expect(row).toContainText("待改密码");
  const act = async (what: string, sure = true) => {
    await row.getByRole("button", { name: "操作 小梅" }).click();
    await page.getByRole("menuitem", { name: what }).click();
    if (sure) await page.getByRole("button", { name: "是", exact: true }).click();
  };
  await act("修改", false);
  await page.getByLabel("接待容量").fill("12");
  await page.getByRole("button", { name: "保存" }).click();
  await expect(row).toContainText("12");
  await act("重置密码");
  await page.getByRole("button", { name: "我已保存" }).click();
  await act("停用");
  await expect(row).toContainText("已停用");
  await act("启用", false);
  await expect(row).not.toContainText("已停用");
  watch.clean();
});

test("one's other sessions are listed and ended", async ({ page, context, server }) => {
  await server.login("auditor");
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/own`);
  await expect(page.getByText("本次")).toBeVisible();
  await accessible(page);
  await page.getByRole("button", { name: "结束其他所有会话" }).click();
  await expect(page.getByText(/已结束 \d+ 个会话/)).toBeVisible();
  await expect(page.getByRole("button", { name: "结束其他所有会话" })).toHaveCount(0);
});
