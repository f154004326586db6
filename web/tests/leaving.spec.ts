/** What an agent types is held before it leaves, and decided on in a dialog; masks that are wrong are reported with a click. */
import type { Browser, Page } from "@playwright/test";
import { enrol, Visitor } from "./console-people";
import { accessible } from "./eyes";
import { expect, type Server, test } from "./harness";

test.use({ wish: { name: "leaving" } });

const CARD = "6222 0212 3456 7890 128";

/** A customer who said something, and the agent's screen with the conversation open. */
async function desk(
  browser: Browser,
  server: Server,
  said: string,
): Promise<{ page: Page; customer: Visitor }> {
  const agent = await server.login("agent");
  await agent.present();
  const customer = await Visitor.come(server);
  const conversation = await customer.say(said);
  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, "agent");
  const page = await context.newPage();
  await page.goto(`${server.base}/console/inbox/${conversation}`);
  await expect(page.locator(".message.theirs")).toHaveCount(1);
  return { page, customer };
}

async function write(page: Page, text: string): Promise<void> {
  const box = page.locator("textarea.box");
  await box.fill(text);
  await box.press("Enter");
}

const heard = async (customer: Visitor) =>
  (await customer.heard()).filter((one) => one.from_bank).map((one) => one.text);

test("a reply with a card number is held, and goes masked, changed, or as it is with a reason", async ({
  browser,
  server,
}) => {
  const { page, customer } = await desk(browser, server, "请问往哪里汇款");
  const dialog = page.getByRole("dialog", { name: "外发前已拦截" });
  await write(page, `请汇入${CARD}`);
  await expect(dialog).toBeVisible();
  await expect(dialog).toContainText("银行卡号");
  await expect(dialog).toContainText("请汇入");
  expect(await heard(customer)).toEqual([]);
  await accessible(page);
  await dialog.getByRole("button", { name: "脱敏发送" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.locator(".message.ours")).toContainText("622202*********0128");
  await expect.poll(() => heard(customer)).toEqual(["请汇入[bank_card]"]);

  // Taken back, its text is in the box again.
  await write(page, `账号${CARD}`);
  await dialog.getByRole("button", { name: "修改文字" }).click();
  await expect(page.locator("textarea.box")).toHaveValue(`账号${CARD}`);
  await page.locator("textarea.box").fill("");

  // Put off, it waits, also over a reload; then it goes as it is, and the desk shows it masked.
  await write(page, `请汇入${CARD}`);
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator(".outgoing")).toContainText("已拦截，未发送");
  await page.reload();
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole("button", { name: "原样发送" })).toBeDisabled();
  await dialog.getByText("银行自有或公开信息").click();
  await dialog.getByRole("button", { name: "原样发送" }).click();
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await expect.poll(() => heard(customer)).toEqual(["请汇入[bank_card]", `请汇入${CARD}`]);
  await expect(page.locator(".message.ours").last()).toContainText("622202*********0128");
  await expect(page.locator(".timeline")).not.toContainText(CARD);

  // What never leaves is not offered.
  await write(page, "您的登录密码是Abc@12345");
  await expect(dialog).toContainText("禁止外发");
  await expect(dialog.getByRole("button", { name: "原样发送" })).toHaveCount(0);
  await page.context().close();

  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, "supervisor");
  const queues = await context.newPage();
  await queues.goto(`${server.base}/console/queues`);
  const counts = queues.locator('[data-test="held-counts"]');
  await expect(counts.getByRole("row").nth(1)).toContainText("银行卡号 3");
  await accessible(queues);
  await context.close();
});

test("a missed and a wrong mask are reported with a click, become a test, or are declined with a reason", async ({
  browser,
  server,
}) => {
  const { page } = await desk(browser, server, "手机13812345678，会员QX-77182934，请查");
  const message = page.locator(".message.theirs");
  await message
    .locator("[data-at]")
    .nth(1)
    .evaluate((piece) => {
      const words = piece.firstChild;
      if (!words) throw new Error("no words");
      const at = words.textContent?.indexOf("QX-77182934") ?? 0;
      const range = document.createRange();
      range.setStart(words, at);
      range.setEnd(words, at + "QX-77182934".length);
      document.getSelection()?.removeAllRanges();
      document.getSelection()?.addRange(range);
    });
  await page.locator('[data-test="report-missed"]').click();
  await expect(page.getByText("已报告给合规人员").first()).toBeVisible();
  await message.locator(".chip").click();
  await page.locator('[data-test="report-wrong"]').click();
  await expect(page.locator('[data-test="own-report"]')).toHaveCount(2);
  await page.keyboard.press("Escape");
  await expect(page.locator('[data-test="own-report"]')).toHaveCount(2);
  await accessible(page);

  const context = await browser.newContext({ locale: "zh-CN" });
  const officer = await server.hire("rosa", 0, "compliance");
  const { staff } = await enrol(server, officer);
  await server.enter(context, staff);
  const inbox = await context.newPage();
  await inbox.goto(`${server.base}/console/policies?tab=reports`);
  const row = (kind: string) => inbox.locator('[data-test="report"]').filter({ hasText: kind });
  await row("漏脱敏").locator('[data-test="look"]').click();
  await expect(row("漏脱敏").locator("mark")).toHaveText("QX-77182934");
  await expect(row("漏脱敏").locator('[data-test="sentence"]')).not.toContainText("13812345678");
  await accessible(inbox);
  await row("误脱敏").locator(".el-select").click();
  await inbox.getByRole("option", { name: "策略本意如此" }).click();
  await row("误脱敏").locator('[data-test="decline"]').click();
  await expect(row("误脱敏")).toHaveAttribute("data-state", "declined");
  await row("漏脱敏").locator('[data-test="take"]').click();
  await expect(inbox.locator('[data-test="editor"]')).toBeVisible();
  const file = await inbox.locator("#policy-text").inputValue();
  expect(file).not.toContain("77182934");
  expect(file.trimEnd().split("\n").at(-1)).toMatch(/^ {2}- \{in: "/);
  await expect(inbox.locator('[data-test="failing"]')).toBeVisible();
  await accessible(inbox);
  await context.close();

  await page.reload();
  await expect(page.locator('[data-test="own-report"]').filter({ hasText: "误脱敏" })).toContainText(
    "策略本意如此",
  );
  await page.context().close();
});
