/** Files in the widget and at the desk: sent, masked, sealed, put aside and refused, and seen in both languages and sizes. */
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { accessible, Watch } from "./eyes";
import { expect, type Server, type Staff, test, until } from "./harness";

test.use({ wish: { name: "attachments", sections: "[attachments]\nbytes_max = 65536\n" } });

const ID_CARD = "110105198709142719";
const TABLE = `姓名,证件号码,手机号\n张三,${ID_CARD},13974628051\n`;
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const PICTURES = process.env.LWW_PICTURES;

function file(name: string, buffer: Buffer | string): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: "application/octet-stream", buffer: Buffer.from(buffer) };
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

async function opened(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.base}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
}

/** The conversation that the agent was given. */
async function held(agent: Staff): Promise<string> {
  return until(
    "an agent to hold the conversation",
    async () => (await agent.conversations("assigned"))[0]?.id,
  );
}

test("files go both ways: what is read is masked, the rest is sealed or put aside, and what is too large is told", async ({
  page,
  browser,
  server,
}) => {
  const watch = await Watch.on(page);
  const agent = await server.login("agent");
  await agent.present();
  await opened(page, server);
  const log = page.getByRole("log");
  const choose = page.locator("lww-chat input[type=file]");
  await choose.setInputFiles([
    file(`对账单${ID_CARD}.csv`, TABLE),
    file("photo.jpg", PNG),
    file("invoice.pdf", "#!/bin/sh\necho no\n"),
  ]);
  const table = log.getByRole("listitem").filter({ hasText: "对账单" });
  await expect(table).toContainText("CSV");
  await expect(log.getByRole("listitem").filter({ hasText: "photo.jpg" })).toContainText("已封存");
  await expect(log.getByRole("listitem").filter({ hasText: "invoice.pdf" })).toContainText("已隔离");
  await table.getByText("文字内容").click();
  await expect(table).toContainText("姓名");
  await expect(log).not.toContainText(ID_CARD);

  await choose.setInputFiles(file("large.txt", "a".repeat(65_537)));
  const refused = page.getByText("未发送");
  await expect(refused).toContainText("65536");
  await expect(refused).toContainText("请压缩或拆分后重试");
  await picture(page, "widget-zh");
  await accessible(page);
  await page.getByRole("button", { name: "移除" }).click();
  await expect(refused).toBeHidden();

  const conversation = await held(agent);
  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, "agent");
  const desk = await context.newPage();
  const deskWatch = await Watch.on(desk);
  await desk.setViewportSize({ width: 1280, height: 800 });
  await desk.goto(`${server.base}/console/inbox/${conversation}`);
  const card = desk.getByRole("article").filter({ hasText: "对账单" });
  await expect(card).toContainText("已脱敏");
  await card.getByText("脱敏文字").click();
  await expect(card).toContainText("证件号码");
  await expect(desk.locator("body")).not.toContainText(ID_CARD);
  await expect(desk.getByRole("article").filter({ hasText: "invoice.pdf" })).toContainText(
    "文件是可执行程序",
  );
  await expect(desk.getByRole("article").filter({ hasText: "photo.jpg" })).toContainText("任何人都不能打开");
  await picture(desk, "desk-zh-1280");
  await accessible(desk);
  await desk.setViewportSize({ width: 390, height: 800 });
  await picture(desk, "desk-zh-390");
  await desk.setViewportSize({ width: 1280, height: 800 });

  const send = desk.locator("input[type=file]");
  await send.setInputFiles(file("photo.png", PNG));
  await expect(desk.locator(".files")).toContainText("外发内容须可在本系统读取");
  await desk.locator(".files").getByRole("button", { name: "移除" }).click();
  await send.setInputFiles(file("办理说明.txt", "请携带本人有效证件到网点办理。"));
  const sent = log.getByRole("listitem").filter({ hasText: "办理说明.txt" });
  const download = sent.getByRole("button", { name: "下载" });
  await expect(download).toBeVisible();
  const [saved] = await Promise.all([page.waitForEvent("download"), download.click()]);
  expect(saved.suggestedFilename()).toBe("办理说明.txt");

  await page.setViewportSize({ width: 390, height: 800 });
  await page.getByRole("button", { name: "EN Switch to English" }).click();
  await expect(sent).toContainText("What it says");
  await picture(page, "widget-en-390");
  await accessible(page);
  watch.clean();
  deskWatch.clean();
  await context.close();
});
