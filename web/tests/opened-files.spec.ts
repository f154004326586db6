/** Files of which nothing is shown, in the console: listed, opened under a recorded grant, and marked with who opened them. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import { enrol, Visitor } from "./console-people";
import { accessible } from "./eyes";
import { expect, test } from "./harness";

/** The shipped policy, by which agents open pictures for some seconds, and compliance what is in quarantine with a supervisor's word. */
function policy(): string {
  const shipped = resolve(import.meta.dirname, "../../policies/masking/cn-retail.yaml");
  const files =
    "files:\n  sealed: {unmask_roles: [agent], reason: required, ttl: 20s}\n" +
    "  quarantined: {unmask_roles: [compliance], reason: required, ttl: 15m, second_person: [supervisor]}\n";
  const text = readFileSync(shipped, "utf8").replace("\nrules:\n", `\n${files}rules:\n`);
  const path = join(mkdtempSync(join(tmpdir(), "lww-policy-")), "policy.yaml");
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

test.use({ wish: { name: "opened-files", tenantKeys: `policy = "${policy()}"` } });

const PICTURES = process.env["LWW_PICTURES"];

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** A photograph of a paper, as a customer would send one. */
async function photo(page: Page): Promise<Buffer> {
  const encoded = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 400];
    const paint = canvas.getContext("2d");
    if (paint === null) throw new Error("no canvas");
    paint.fillStyle = "#dfe7f2";
    paint.fillRect(0, 0, 640, 400);
    paint.fillStyle = "#1d3557";
    paint.font = "28px sans-serif";
    paint.fillText("姓名  王小明", 60, 120);
    paint.fillText("110105194912310021", 60, 220);
    return canvas.toDataURL("image/png").split(",")[1] ?? "";
  });
  return Buffer.from(encoded, "base64");
}

async function choose(page: Page, reason: string): Promise<void> {
  await page.locator(".el-select:has(#file-reason)").click();
  await page.getByRole("option", { name: reason, exact: true }).click();
}

/** The share of a picture's points that are neither of the two colours it was painted with. */
function marked(page: Page): Promise<number> {
  return page.locator('[data-test="opened-picture"]').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const points = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let other = 0;
    for (let at = 0; at < points.length; at += 4) {
      const [red, green] = [points[at] ?? 0, points[at + 1] ?? 0];
      if (red > green + 20) other += 1;
    }
    return other / (points.length / 4);
  });
}

test("what is in quarantine is listed, and an officer opens it with a supervisor's word, in English on a telephone", async ({
  browser,
  server,
}) => {
  const { staff } = await enrol(server, "compliance");
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en" });
  await server.enter(context, staff);
  const page = await context.newPage();
  await page.goto(`${server.base}/console/unmaskings`);
  await page.evaluate(() => localStorage.setItem("lww.language", "en"));
  await page.reload();
  await expect(page.getByRole("heading", { name: "No file is in quarantine" })).toBeVisible();
  await picture(page, "quarantine-empty-en");
  await accessible(page);

  const agent = await server.login("agent");
  await agent.present();
  const program = new TextEncoder().encode("#!/bin/sh\necho no\n");
  const id = await Visitor.come(server).then((one) => one.send("invoice.pdf", program));
  await agent.gets(id);
  await page.reload();
  const row = page.locator('[data-test="quarantined"]');
  await expect(row).toContainText("Program");
  await accessible(page);
  await row.locator('[data-test="quarantined-open"]').click();
  await choose(page, "a security incident");
  await page.locator('[data-test="open-send"]').click();
  await expect(page.locator('[data-test="open-waits"]')).toBeVisible();
  await picture(page, "quarantine-waits-en");

  const lead = await browser.newContext({ locale: "zh-CN" });
  const second = await enrol(server, "supervisor");
  await server.enter(lead, second.staff);
  const other = await lead.newPage();
  await other.goto(`${server.base}/console/unmaskings`);
  const asked = other.locator('[data-test="unmasking"][data-state="requested"]');
  await expect(asked).toContainText("文件 · 程序 · 已隔离");
  await picture(other, "quarantine-zh");
  await accessible(other);
  await asked.locator('[data-test="approve"]').click();
  await other.locator('[data-test="send-decision"]').click();
  await expect(other.locator('[data-test="unmasking"][data-state="granted"]')).toHaveCount(1);

  // The dialog was left: it is opened from the list.
  await page.locator(".el-dialog__headerbtn:visible").click();
  await page.locator('[data-test="open-file"]').click();
  await page.locator('[data-test="open-send"]').click();
  await expect(page.locator('[data-test="opened-file"]')).toContainText("not shown here");
  await picture(page, "quarantine-opened-en");
  await accessible(page);
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.locator('[data-test="opened-save"]').click(),
  ]);
  expect(saved.suggestedFilename()).toMatch(/^opened-.+Z\.bin$/);
  await page.locator('[data-test="opened-hide"]').click();
  await expect(page.locator('[data-test="open-over"]')).toBeVisible();
  await expect(other.locator('[data-test="unmasking"][data-state="used"]')).toHaveCount(1);
  await context.close();
  await lead.close();
});

test("a picture is opened once it is recorded, marked in its pixels, and gone when its time is over", async ({
  page,
  context,
  server,
}) => {
  await page.goto(`${server.base}/console/`);
  const file = await photo(page);
  const agent = await server.login("agent");
  await agent.present();
  const id = await Visitor.come(server).then((one) => one.send("身份证.png", file));
  await agent.gets(id);
  const { staff } = await enrol(server, "agent");
  await server.enter(context, staff);
  await page.goto(`${server.base}/console/inbox/${id}`);
  const card = page.getByRole("article").filter({ hasText: "已封存" });
  await card.locator('[data-test="file-open"]').click();
  await expect(page.getByRole("dialog")).toContainText("应急授权打开文件");
  await expect(page.locator('[data-test="open-send"]')).toBeDisabled();
  await accessible(page);
  await choose(page, "核实客户身份");
  await page.locator('[data-test="open-send"]').click();
  await expect(page.locator('[data-test="opened-picture"]')).toBeVisible();
  await expect(page.locator('[data-test="opened-left"]')).toContainText("后隐藏");
  await expect.poll(() => marked(page)).toBeGreaterThan(0.02);
  await picture(page, "opened-picture-zh");
  await accessible(page);
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.locator('[data-test="opened-save"]').click(),
  ]);
  expect(saved.suggestedFilename()).toMatch(/^opened-[0-9a-f]{8}-[0-9a-f]{8}-\d{8}T\d{6}Z\.png$/);
  expect(readFileSync(await saved.path()).equals(file)).toBe(true);
  // Its time over, it goes by itself.
  await expect(page.locator('[data-test="open-over"]')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('[data-test="opened-picture"]')).toHaveCount(0);
});
