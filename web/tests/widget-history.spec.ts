/** Long threads: the newest page at first, earlier ones on demand, without gap or duplicate, and the eyes' place kept. */
import type { Page } from "@playwright/test";
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
