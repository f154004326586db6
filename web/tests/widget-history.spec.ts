/** Long threads: the newest page at first, earlier ones on demand, without gap or duplicate, and the eyes' place kept. */
import type { Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { accessible } from "./eyes";
import { expect, type Server, test } from "./harness";

test.use({ wish: { name: "history" } });
test.setTimeout(180_000);

const COUNT = 120;
const text = (n: number) => `第 ${String(n).padStart(3, "0")} 条`;
const ALL = Array.from({ length: COUNT }, (_, n) => text(n));

/** Somebody who has said much, as the token of their visit. */
async function talker(server: Server, id: string): Promise<{ id: string; time: number; proof: string }> {
  const post = async (path: string, body: unknown, token?: string) => {
    const headers = {
      "content-type": "application/json",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    for (;;) {
      const answer = await fetch(`${server.base}${server.channel}/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      if (answer.ok) return answer;
      // A visitor may not say so much at once.
      if (answer.status !== 429) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      await new Promise((done) => setTimeout(done, 1_000));
    }
  };
  const { token } = (await (await post("visits", { identity: server.identity(id) })).json()) as {
    token: string;
  };
  for (const [n, said] of ALL.entries())
    await post("frames", { type: "send", key: `${id}-${n}`, text: said }, token);
  return server.identity(id);
}

async function open(page: Page, server: Server, id: string): Promise<void> {
  const identity = await talker(server, id);
  await page.goto(`${server.base}/demo/`);
  await page.evaluate((identity) => {
    (window as unknown as { lww: { identify(proof: unknown): void } }).lww.identify(identity);
  }, identity);
  await page.getByRole("button", { name: /打开在线客服/ }).click();
  await expect(page.getByText(text(COUNT - 1))).toBeVisible();
}

const texts = (page: Page) => page.getByRole("log").locator("li.customer .text").allTextContents();

test("only the newest page comes at first; scrolling up brings the rest and keeps the place", async ({
  page,
  server,
}) => {
  await open(page, server, "long-1");
  expect(await texts(page)).toEqual(ALL.slice(-50));
  const log = page.getByRole("log");
  const first = page.getByText(text(COUNT - 50));
  await log.evaluate((log) => log.scrollTo(0, 0));
  await expect.poll(() => texts(page)).toEqual(ALL.slice(-100));
  // What was at the top is still in sight.
  await expect(first).toBeInViewport();
  expect(await log.evaluate((log) => log.scrollTop)).toBeGreaterThan(500);
  // Something new meanwhile doesn't move it.
  await page.getByRole("textbox").evaluate((input) => (input as HTMLTextAreaElement).blur());
  await log.evaluate((log) => log.scrollTo(0, 0));
  await expect.poll(() => texts(page)).toEqual(ALL);
  await expect(page.getByRole("button", { name: "查看更早的消息" })).toHaveCount(0);
  await expect(log.getByText("您好，请问有什么可以帮您？")).toHaveCount(1);
  // A drop afterwards neither doubles nor forgets anything.
  await server.restart();
  await page.getByRole("textbox").fill("还在吗");
  await page.getByRole("textbox").press("Enter");
  await expect(log.getByRole("listitem").filter({ hasText: "还在吗" })).toContainText("已存证");
  expect(await texts(page)).toEqual([...ALL, "还在吗"]);
});

test("whoever scrolls to the top before the server said that all is told is heard nevertheless", async ({
  page,
  server,
}) => {
  let tell = () => {};
  await page.routeWebSocket(/socket/, (socket) => {
    const bank = socket.connectToServer();
    bank.onMessage((line) => {
      if (String(line).includes('"live"')) tell = () => socket.send(line);
      else socket.send(line);
    });
  });
  await open(page, server, "long-4");
  const log = page.getByRole("log");
  await log.evaluate((log) => log.scrollTo(0, 0));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  expect(await texts(page)).toEqual(ALL.slice(-50));
  tell();
  await expect.poll(() => texts(page)).toEqual(ALL.slice(-100));
  await expect(page.getByText(text(COUNT - 50))).toBeInViewport();
});

test("the keyboard brings earlier messages, too, and a screen reader hears how many came", async ({
  page,
  server,
}) => {
  await open(page, server, "long-2");
  const more = page.getByRole("button", { name: "查看更早的消息" });
  await more.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByText("已显示更早的 50 条消息")).toHaveCount(1);
  await expect(more).toBeFocused();
  await accessible(page);
  await page.keyboard.press("Enter");
  await expect(page.getByText("已显示更早的 20 条消息")).toHaveCount(1);
  // The button is gone: who pressed it stands at the log.
  await expect(page.getByRole("log")).toBeFocused();
  expect(await texts(page)).toEqual(ALL);
});

test("a page that can't be had is asked for again", async ({ page, server }) => {
  await open(page, server, "long-3");
  const more = page.getByRole("button", { name: "查看更早的消息" });
  await page.route(/\/earlier/, (route) => route.abort(), { times: 1 });
  const failed = page.waitForEvent("requestfailed");
  await more.focus();
  await page.keyboard.press("Enter");
  await failed;
  await expect(more).toHaveAttribute("aria-disabled", "false");
  expect(await texts(page)).toEqual(ALL.slice(-50));
  await page.keyboard.press("Enter");
  await expect.poll(() => texts(page)).toEqual(ALL.slice(-100));
});

test("the receipts of a whole conversation are listed, verified and kept, and one that is wrong is told", async ({
  page,
  server,
}) => {
  await open(page, server, "long-5");
  await page.getByRole("button", { name: "存证回执" }).click();
  const listed = page.locator(".receipts li");
  await expect(listed).toHaveCount(50);
  await expect(page.getByText("已列出最近 50 条")).toBeVisible();
  await page.getByRole("button", { name: "更早的回执" }).click();
  await expect(page.getByRole("button", { name: "更早的回执" })).toHaveCount(0);
  await expect(page.getByText("共 120 条")).toBeVisible();
  expect(await listed.locator(".words").allTextContents()).toEqual(ALL);

  const all = page.locator(".verdict.all");
  await page.getByRole("button", { name: "全部核验" }).click();
  await expect(page.getByRole("progressbar", { name: "全部核验" })).toBeVisible();
  await expect(all).toHaveText("核验通过 120 份", { timeout: 90_000 });
  await accessible(page);

  // One that belongs to another message is none of this one's.
  const token = await page.evaluate(async () => {
    const kept = JSON.parse(sessionStorage.getItem(Object.keys(sessionStorage)[0] ?? "") ?? "{}") as {
      token: string;
    };
    return kept.token;
  });
  const index = Number((await listed.first().locator(".under").textContent())?.match(/#(\d+)/)?.[1]);
  const receipts = `${server.base}${server.channel}/receipts`;
  const next = Number((await listed.nth(1).locator(".under").textContent())?.match(/#(\d+)/)?.[1]);
  const answer = await fetch(`${receipts}/${next}`, { headers: { authorization: `Bearer ${token}` } });
  const wrong = await answer.text();
  await page.route(`${receipts}/${index}`, (route) => route.fulfill({ body: wrong }));
  await page.getByRole("button", { name: "全部核验" }).click();
  await expect(all).toHaveText("核验通过 119 份，未通过 1 份", { timeout: 90_000 });
  await expect(listed.first().getByRole("status")).toContainText("核验未通过");
  await page.unroute(`${receipts}/${index}`);

  // What takes long can be stopped, and is done whole when it is asked for again.
  await page.getByRole("button", { name: "全部下载" }).click();
  await page.getByRole("button", { name: "停止" }).click();
  await expect(all).toHaveText("已停止");
  const [download] = await Promise.all([
    page.waitForEvent("download", { timeout: 90_000 }),
    page.getByRole("button", { name: "全部下载" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^receipts-\d+-\d+\.zip$/);
  const packed = readFileSync(await download.path(), "latin1");
  // Each name stands before its file and in the directory at the end.
  expect(packed.match(/\d+\.tlog-proof/g)).toHaveLength(2 * COUNT);
  expect(packed.match(/c2sp\.org\/tlog-proof@v1/g)).toHaveLength(COUNT);

  // Whoever logs out leaves nothing of it on the page, and the log was never longer than it was scrolled back.
  await page.keyboard.press("Escape");
  expect(await texts(page)).toEqual(ALL.slice(-50));
  await page.getByRole("button", { name: "存证回执" }).click();
  await page.evaluate(() => (window as unknown as { lww: { logout(): void } }).lww.logout());
  await expect(page.locator("lww-chat .receipts")).toBeHidden();
  expect(await texts(page)).toEqual([]);
});
