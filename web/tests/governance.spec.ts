/** Somebody who has never seen YAML changes what agents see, others approve it, and messages are masked by it from then on. */
import type { Page } from "@playwright/test";
import { enrol, Visitor } from "./console-people";
import { accessible, Watch } from "./eyes";
import { expect, type Server, test } from "./harness";

test.use({ wish: { name: "governance" } });

const CHANGES = "/console/policies?tab=changes";

async function choose(page: Page, test: string, option: string): Promise<void> {
  await page
    .locator(`.el-select[data-test="${test}"], .el-select:has([data-test="${test}"])`)
    .first()
    .click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

/** Changes by the form how many of the last characters of a mobile number somebody sees. */
async function showLast(page: Page, view: string, count: number): Promise<void> {
  await page.locator('[data-test="write"]').click();
  await choose(page, "entity", "手机号");
  await choose(page, "view", view);
  const last = page.locator("#form-last");
  await last.fill(String(count));
  await last.press("Tab");
  await expect(page.locator('[data-test="in-words"]')).toContainText(`后 ${count} 位`);
}

/** What an agent is shown of a mobile number that a customer writes now. */
async function seenByAgent(server: Server): Promise<string> {
  const agent = await server.login("agent");
  await agent.ask("PUT", "/api/v1/agent/presence", { online: true });
  const conversation = await Visitor.come(server).then((one) => one.say("手机13812345678"));
  await agent.gets(conversation);
  const { messages } = await agent.ask<{ messages: { text: string }[] }>(
    "GET",
    `/api/v1/agent/conversations/${conversation}`,
  );
  return messages.at(-1)?.text ?? "";
}

test("who has never seen YAML shows the last two instead of the last four, and others approve it", async ({
  page,
  context,
  browser,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "compliance");
  await page.goto(server.base + CHANGES);
  await expect(page.getByRole("heading", { name: "还没有变更申请" })).toBeVisible();
  await accessible(page);
  await showLast(page, "坐席", 2);
  // The policy's own tests say what changes, and are taken over with a look.
  const failing = page.locator('[data-test="failing"]');
  await expect(failing).toContainText("138****5678");
  await expect(page.locator('[data-test="send-proposal"]')).toBeDisabled();
  await accessible(page);
  await page.locator('[data-test="accept"]').click();
  await expect(failing).toHaveCount(0);
  const differences = page.locator('[data-test="differences"]');
  await expect(differences).toContainText("加严");
  await expect(differences).toContainText("坐席看到的内容");
  // It can be tried before anybody approves it.
  await page.locator('[data-test="editor"] [data-test="try-text"]').fill("手机13812345678");
  await page.getByRole("button", { name: "试一试", exact: true }).click();
  await expect(page.locator('[data-test="editor"]')).toContainText("138******78");
  // What is not finished is still there after a reload.
  await page.reload();
  await expect(differences).toContainText("坐席看到的内容");
  await page.locator('[data-test="send-proposal"]').click();
  const change = page.locator('[data-test="change"]').first();
  await expect(change).toHaveAttribute("data-state", "proposed");
  await expect(change.locator('[data-test="missing"]')).toContainText("已有 0 人同意，共需 2 人");
  await expect(change.locator('[data-test="approve"]')).toHaveCount(0);
  await accessible(page);

  for (const [login, given] of [
    ["carla", 1],
    ["doris", 2],
  ] as const) {
    const officer = await server.hire(login, 0, "compliance");
    const { staff } = await enrol(server, officer);
    const theirs = await browser.newContext({ locale: "zh-CN" });
    await server.enter(theirs, staff);
    const other = await theirs.newPage();
    await other.goto(server.base + CHANGES);
    const row = other.locator('[data-test="change"]').first();
    await row.locator('[data-test="look"]').click();
    await expect(row.locator('[data-test="differences"]')).toContainText("加严");
    await accessible(other);
    await row.locator('[data-test="approve"]').click();
    await accessible(other);
    await other.locator('[data-test="send-decision"]').click();
    await expect(row).toHaveAttribute("data-state", given === 2 ? "activated" : "proposed");
    await theirs.close();
  }
  await expect(change).toHaveAttribute("data-state", "activated");
  expect(await seenByAgent(server)).toContain("138******78");
  watch.clean();
});

test("what shows more can't be brought into force alone, what masks more can and is looked at", async ({
  page,
  context,
  browser,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "compliance");
  await page.goto(server.base + CHANGES);
  await showLast(page, "坐席", 5);
  await page.locator('[data-test="accept"]').click();
  await expect(page.locator('[data-test="differences"]')).toContainText("放宽");
  await expect(page.locator('[data-test="at-once"]')).toHaveCount(0);
  await page.locator('[data-test="discard"]').click();
  await showLast(page, "坐席", 1);
  await page.locator('[data-test="accept"]').click();
  await page.locator('[data-test="at-once"]').click();
  const change = page.locator('[data-test="change"]').first();
  await expect(change).toHaveAttribute("data-state", "activated");
  await expect(change.locator('[data-test="due"]')).toBeVisible();
  expect(await seenByAgent(server)).toContain("138*******8");

  const { staff } = await enrol(server, await server.hire("eva", 0, "compliance"));
  const theirs = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "zh-CN" });
  await server.enter(theirs, staff);
  const other = await theirs.newPage();
  await other.goto(server.base + CHANGES);
  await other.locator('[data-test="review"]').first().click();
  await other.locator('[data-test="send-decision"]').click();
  await expect(other.locator('[data-test="due"]')).toHaveCount(0);
  const overflow = await other.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await accessible(other);
  await theirs.close();
  watch.clean();
});

test("a file that can't be read and one that is none are told while it is written, and nothing is lost", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "compliance");
  await page.goto(server.base + CHANGES);
  await page.locator('[data-test="write"]').click();
  const file = page.locator("#policy-text");
  const whole = await file.inputValue();
  await file.fill(`${whole}\nrules: [`);
  await expect(page.locator('[data-test="failure"]')).toBeVisible();
  await expect(page.locator('[data-test="send-proposal"]')).toBeDisabled();
  await accessible(page);
  await file.fill(whole.replace("cn.mobile", "cn.telephone"));
  await expect(page.locator('[data-test="failure"]')).toContainText("cn.telephone");
  await page.locator('[data-test="discard"]').click();
  await expect(file).toHaveCount(0);
  watch.clean();
});

test("what can stand at the caret is told while one writes, by keyboard alone, and each fault stands at its line", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "compliance");
  await page.goto(server.base + CHANGES);
  await page.locator('[data-test="write"]').click();
  const file = page.locator("#policy-text");
  const whole = await file.inputValue();
  const offers = page.locator('[data-test="offers"]');
  // A layer of those that are built in, chosen with the arrows.
  await file.fill(whole.replace("layers: []", "layers: []#"));
  await file.evaluate((field: HTMLTextAreaElement) => {
    const at = field.value.indexOf("[]#");
    field.setSelectionRange(at + 1, at + 3);
  });
  await page.keyboard.press("Delete");
  await page.keyboard.type("base/p");
  await expect(offers.locator('[role="option"]')).toHaveCount(2);
  await expect(file).toHaveAttribute("aria-activedescendant", /.+/);
  await accessible(page);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(offers).toHaveCount(0);
  await page.keyboard.type("]");
  expect(await file.inputValue()).toContain("layers: [base/pipl@1]");
  await expect(file).toBeFocused();
  // Asked for without a letter, and closed again.
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+Space");
  await expect(offers).toContainText("define");
  await page.keyboard.press("Escape");
  await expect(offers).toHaveCount(0);
  // Every fault is marked at its line, and leads there.
  const faulty = whole.replace("entity: cn.mobile", "entity: cn.mobil");
  await file.fill(faulty);
  const fault = page.locator('[data-test="faults"] button').first();
  const line = faulty.slice(0, faulty.indexOf("entity: cn.mobil")).split("\n").length;
  await expect(fault).toContainText(String(line));
  await expect(page.locator('[data-test="mark"]')).toHaveText(String(line));
  await fault.click();
  const chosen = await file.evaluate((field: HTMLTextAreaElement) =>
    field.value.slice(field.selectionStart, field.selectionEnd),
  );
  expect(chosen).toContain("cn.mobil");
  await accessible(page);
  await page.locator('[data-test="discard"]').click();
  watch.clean();
});
