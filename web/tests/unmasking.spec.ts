/** A masked value in the console: matched without being seen, opened under a recorded grant, and overseen by somebody else. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import { codeOf, enrol, Visitor } from "./console-people";
import { accessible } from "./eyes";
import { expect, type Server, test } from "./harness";

/** The shipped policy, by which agents open mobiles, mail addresses for some seconds, and cards with a supervisor's word. */
function policy(): string {
  const shipped = resolve(import.meta.dirname, "../../policies/masking/cn-retail.yaml");
  let text = readFileSync(shipped, "utf8");
  for (const [entity, rest] of [
    ["cn.mobile", "ttl: 15m"],
    ["email", "ttl: 8s"],
    ["cn.bank_card", "ttl: 15m, second_person: [supervisor]"],
  ] as const) {
    const at = text.indexOf(`- entity: ${entity}\n`);
    const vault = `reversible: {vault: true, unmask_roles: [agent], reason: required, ${rest}}`;
    text = text.slice(0, at) + text.slice(at).replace("reversible: false", vault);
  }
  const path = join(mkdtempSync(join(tmpdir(), "lww-policy-")), "policy.yaml");
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

test.use({ wish: { name: "unmasking", tenantKeys: `policy = "${policy()}"` } });

const SAID = "手机１３８-1234 5678，邮箱wang@example.com，卡号6222 0212 3456 7890 128，CVV 737";
const WRITTEN = "１３８-1234 5678";
const CARD = "6222 0212 3456 7890 128";

/** A conversation that the agent holds; its id. */
async function given(server: Server): Promise<string> {
  const agent = await server.login("agent");
  await agent.present();
  const id = await Visitor.come(server).then((one) => one.say(SAID));
  await agent.gets(id);
  return id;
}

async function choose(page: Page, reason: string): Promise<void> {
  await page.locator(".el-select:has(#open-reason)").click();
  await page.getByRole("option", { name: reason, exact: true }).click();
}

async function leave(page: Page): Promise<void> {
  await page.locator(".el-dialog__headerbtn:visible").click();
  await expect(page.locator(".el-dialog:visible")).toHaveCount(0);
  // Where the button was, a value may stand, whose note opens under the pointer.
  await page.mouse.move(0, 0);
}

test("a value is matched and opened, each once it is recorded, and a supervisor hears, lists and approves", async ({
  page,
  context,
  browser,
  server,
}) => {
  const id = await given(server);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await server.enter(context, "agent");
  await page.goto(`${server.base}/console/inbox/${id}`);
  const chip = (kind: string) => page.locator("button.chip", { hasText: kind });
  const dialog = page.getByRole("dialog");

  // By keyboard, too; C3 has nothing behind it.
  await chip("手机号").focus();
  await page.keyboard.press("Enter");
  await expect(dialog).toContainText("手机号");
  await accessible(page);
  await page.locator("#match-said").fill("一三八 1234 56 78");
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-test="match-told"]')).toHaveText("一致");
  await expect(page.locator("#match-said")).toHaveValue("");
  await page.locator("#match-said").fill("13987654321");
  await page.locator('[data-test="match-send"]').click();
  await expect(page.locator('[data-test="match-told"]')).toHaveText("不一致");

  // A reason first, then a second factor; whoever has none is led to where it is set up.
  await expect(page.locator('[data-test="open-send"]')).toBeDisabled();
  await choose(page, "涉嫌欺诈");
  await page.locator('[data-test="open-send"]').click();
  await expect(page.locator('[data-test="must-enrol"]')).toBeVisible();
  await accessible(page);
  await leave(page);
  await chip("CVV").click();
  await expect(dialog).toContainText("未保存原文");
  await expect(page.locator('[data-test="open-send"]')).toHaveCount(0);

  const { secret, staff } = await enrol(server, "agent");
  await server.enter(context, staff);
  await page.goto(`${server.base}/console/inbox/${id}`);
  await chip("手机号").click();
  await choose(page, "核实客户身份");
  await page.locator('[data-test="open-send"]').click();
  const shown = page.locator('[data-test="opened-value"]');
  await expect(shown).toContainText(WRITTEN);
  await expect(page.locator('[data-test="opened-left"]')).toContainText(/1[45]:\d\d 后隐藏/);
  await accessible(page);
  await page.locator('[data-test="opened-copy"]').click();
  await expect
    .poll(() => page.evaluate(() => navigator.clipboard.readText()))
    .toMatch(/１３８-1234 5678\n【.+申请 [0-9a-f]{8}/);
  await page.locator('[data-test="opened-hide"]').click();
  await expect(page.locator('[data-test="open-over"]')).toBeVisible();
  expect(await page.content()).not.toContain(WRITTEN);
  await leave(page);

  // Its time over, it goes by itself.
  await chip("电子邮箱").click();
  await choose(page, "更正客户资料");
  await page.locator('[data-test="open-send"]').click();
  await expect(shown).toContainText("wang@example.com");
  await expect(page.locator('[data-test="open-over"]')).toBeVisible();
  expect(await page.content()).not.toContain("wang@example.com");
  await leave(page);

  // The supervisor is at the inbox, and hears at once.
  const lead = await browser.newContext({ locale: "zh-CN" });
  const second = await enrol(server, "supervisor");
  await server.enter(lead, second.staff);
  const other = await lead.newPage();
  await other.goto(`${server.base}/console/inbox`);
  await expect(other.locator(".filters")).toBeVisible();
  await expect
    .poll(async () => {
      if ((await other.locator(".el-notification").count()) > 0) return true;
      if ((await page.locator('[data-test="open-waits"]').count()) === 0) {
        await chip("银行卡号").click();
        await choose(page, "投诉或交易争议");
        await page.locator('[data-test="open-send"]').click();
        await expect(page.locator('[data-test="open-waits"]')).toBeVisible();
      }
      return false;
    })
    .toBe(true);
  await expect(other.locator(".el-notification").first()).toContainText("有人申请查看明文");
  await accessible(other);
  await other.goto(`${server.base}/console/unmaskings`);
  const row = other.locator('[data-test="unmasking"][data-state="requested"]');
  await expect(row).toContainText("投诉或交易争议");
  await expect(other.locator('[data-test="unmasking"][data-state="used"]')).toHaveCount(2);
  await accessible(other);
  await row.locator('[data-test="approve"]').click();
  await accessible(other);
  await other.locator('[data-test="send-decision"]').click();
  await expect(other.locator('[data-test="unmasking"][data-state="granted"]')).toHaveCount(1);

  await page.locator('[data-test="open-send"]').click();
  await expect(shown).toContainText(CARD);
  await expect(other.locator('[data-test="unmasking"][data-state="used"]')).toHaveCount(3);
  // In the customer's file: from the conversation to what was seen of this customer.
  await other.goto(`${server.base}/console/inbox/${id}`);
  await other.locator('[data-test="unmaskings-of"]').click();
  await expect(other.locator('[data-test="of-customer"]')).toBeVisible();
  await expect(other.locator('[data-test="unmasking"]')).toHaveCount(4);
  expect(codeOf(secret)).toMatch(/^\d{6}$/);
  await lead.close();
});

test("nothing yet, and what others asked for, are told in words on a telephone in English", async ({
  browser,
  server,
}) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en" });
  await server.enter(context, "auditor");
  const page = await context.newPage();
  await page.goto(`${server.base}/console/unmaskings`);
  await page.evaluate(() => localStorage.setItem("lww.language", "en"));
  const list = (unmaskings: object[]) =>
    page.route("**/api/v1/unmaskings", (route) => route.fulfill({ json: { unmaskings } }));
  await list([]);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Nobody has asked" })).toBeVisible();
  await accessible(page);
  const act = { by: "ab".repeat(16), index: 7, time: "2026-11-27T10:00:00.000000Z" };
  const place = {
    conversation: "cd".repeat(16),
    subject: "ef".repeat(16),
    message: "01".repeat(16),
    span: 0,
  };
  const what = { entity: "cn.bank_card", class: "C2", reason: "fraud", until: null };
  const one = {
    id: "23".repeat(16),
    state: "requested",
    ...place,
    ...what,
    requested: act,
    decided: null,
    used: null,
  };
  await page.unroute("**/api/v1/unmaskings");
  await list([one]);
  await page.reload();
  // An auditor sees all of it, and decides nothing.
  await expect(page.locator('[data-test="unmasking"]')).toContainText("suspected fraud");
  await expect(page.locator('[data-test="approve"]')).toHaveCount(0);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await accessible(page);
  await context.close();
});
