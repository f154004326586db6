/** An officer runs what they write over held messages and in shadow, goes on from a draft on another machine, and masks history. */
import type { Locator, Page } from "@playwright/test";
import { enrol, Visitor } from "./console-people";
import { accessible, Watch } from "./eyes";
import { expect, test } from "./harness";

test.use({ wish: { name: "history" } });

const CHANGES = "/console/policies?tab=changes";

/** Writes a policy that shows agents the last two of a mobile number, with its tests. */
async function writeStricter(page: Page): Promise<void> {
  await page.locator('[data-test="write"]').click();
  for (const [field, option] of [
    ["entity", "手机号"],
    ["view", "坐席"],
  ] as const) {
    await page
      .locator(`.el-select[data-test="${field}"], .el-select:has([data-test="${field}"])`)
      .first()
      .click();
    await page.getByRole("option", { name: option, exact: true }).click();
  }
  const last = page.locator("#form-last");
  await last.fill("2");
  await last.press("Tab");
  await page.locator('[data-test="accept"]').click();
  await expect(page.locator('[data-test="failing"]')).toHaveCount(0);
}

const shot = (of: Locator, name: string) =>
  process.env["LWW_SHOTS"]
    ? of.screenshot({ path: `${process.env["LWW_SHOTS"]}/${name}.png` })
    : Promise.resolve();

test("what is written is run over history and in shadow, kept for another machine, and masks history at last", async ({
  page,
  context,
  browser,
  server,
}) => {
  const watch = await Watch.on(context);
  await Visitor.come(server).then((one) => one.say("手机13812345678"));
  await server.enter(context, "compliance");
  await page.goto(server.base + CHANGES);
  await writeStricter(page);

  await page.locator('[data-test="preview"]').click();
  const state = page.locator('[data-test="preview-state"]');
  await expect(state).toHaveAttribute("data-state", "done");
  const counts = state.locator('[data-test="counts"]').filter({ hasText: "手机号" });
  await expect(counts).toContainText("手机号");
  await expect(state.locator('[data-test="sample"]').first()).toContainText("坐席");
  await expect(state).not.toContainText("13812345678");
  await accessible(page);
  await shot(page.locator('[data-test="editor"]'), "preview-zh-1280");

  await page.locator('[data-test="draft-name"]').fill("春节前收紧");
  await page.locator('[data-test="save-draft"]').click();
  await expect(page.locator('[data-test="draft"]')).toContainText("春节前收紧");
  await page.locator('[data-test="shadow"]').click();
  const shadow = page.locator('section[data-test="shadow"]');
  await expect(shadow).toHaveAttribute("data-state", "running");
  await Visitor.come(server).then((one) => one.say("手机13912345678"));
  await expect(shadow.locator('[data-test="counts"]').filter({ hasText: "手机号" })).toBeVisible();
  await expect(shadow).not.toContainText("13912345678");
  await accessible(page);
  await shot(shadow, "shadow-zh-1280");
  await shadow.locator('[data-test="end-run"]').click();
  await expect(shadow).toHaveAttribute("data-state", "cancelled");

  // Another officer, another machine, a small screen: goes on from the draft and brings it into force.
  const { staff } = await enrol(server, await server.hire("carla", 0, "compliance"));
  const theirs = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "zh-CN" });
  await server.enter(theirs, staff);
  const other = await theirs.newPage();
  await other.goto(server.base + CHANGES);
  await other.locator('[data-test="open-draft"]').click();
  await expect(other.locator('[data-test="differences"]')).toContainText("加严");
  await other.locator('[data-test="save-draft"]').click();
  await expect(other.locator('[data-test="draft"]')).toContainText("第 2 版");
  await other.locator('[data-test="preview"]').click();
  await expect(other.locator('[data-test="preview-state"]')).toHaveAttribute("data-state", "done");
  const overflow = await other.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await accessible(other);
  await shot(other.locator('[data-test="editor"]'), "preview-zh-390");
  // Whoever saves over it without having read it is told.
  await page.locator('[data-test="save-draft"]').click();
  await expect(page.locator('[data-test="failure"]')).toContainText("期间有人保存了新版本");
  await other.locator('[data-test="at-once"]').click();
  await expect(other.locator('[data-test="change"]').first()).toHaveAttribute("data-state", "activated");

  // History is masked by it when somebody else has looked at it.
  const run = other.locator('section[data-test="remasking"]');
  await run.locator('[data-test="begin-run"]').click();
  await run.locator('[data-test="sure"]').click();
  await expect(run.locator('[data-test="run-failure"]')).toBeVisible();
  const { staff: third } = await enrol(server, await server.hire("doris", 0, "compliance"));
  const last = await browser.newContext({ locale: "en", colorScheme: "dark" });
  await server.enter(last, third);
  const reviewer = await last.newPage();
  await reviewer.addInitScript(() => localStorage.setItem("lww.language", "en"));
  await reviewer.goto(server.base + CHANGES);
  await reviewer.locator('[data-test="review"]').first().click();
  await reviewer.locator('[data-test="send-decision"]').click();
  await expect(reviewer.locator('[data-test="due"]')).toHaveCount(0);
  const theirRun = reviewer.locator('section[data-test="remasking"]');
  await theirRun.locator('[data-test="begin-run"]').click();
  await shot(theirRun, "remask-asked-en-1280");
  await accessible(reviewer);
  await theirRun.locator('[data-test="sure"]').click();
  await expect(theirRun).toHaveAttribute("data-state", "done");
  await expect(theirRun.locator('[data-test="masked"]')).not.toContainText(" 0 ");
  await expect(theirRun).toContainText("messages and notes masked again");
  await accessible(reviewer);
  await shot(theirRun, "remask-done-en-1280");
  await reviewer.setViewportSize({ width: 390, height: 844 });
  await shot(theirRun, "remask-done-en-390");
  await shot(reviewer.locator('section[data-test="shadow"]'), "shadow-en-390");
  await theirs.close();
  await last.close();
  watch.clean();
});
