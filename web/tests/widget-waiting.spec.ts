/** Waiting: the place in the queue, the way out after three minutes, closed hours. Nobody is at the desk here. */
import { expect, test } from "./harness";

test.use({ wish: { name: "waiting" } });

test("who waits hears their place, after three minutes a way out, and wishes to be called back", async ({
  browser,
  page,
  server,
}) => {
  const first = await (await browser.newContext()).newPage();
  for (const one of [first, page]) {
    await one.clock.install();
    await one.goto(`${server.base}/demo/`);
    await one.getByRole("button", { name: "打开在线客服" }).click();
    await one.getByRole("textbox").fill("有人吗");
    await one.getByRole("textbox").press("Enter");
    await expect(one.getByRole("log").getByText("已存证")).toBeVisible();
    await one.clock.runFor(2_000);
  }
  await expect(first.getByText("您是下一位")).toBeVisible();
  await expect(page.getByText("前面还有 1 位")).toBeVisible();
  await expect(page.getByRole("button", { name: "请回电" })).toHaveCount(0);
  await first.clock.fastForward(181_000);
  await first.clock.runFor(2_000);
  await first.getByRole("button", { name: "请回电" }).click();
  await first.clock.runFor(2_000);
  await expect(first.getByText("已登记回电")).toBeVisible();
  await page.clock.runFor(2_000);
  await expect(page.getByText("您是下一位")).toBeVisible();
  const supervisor = await server.login("supervisor");
  const { conversations } = await supervisor.ask<{ conversations: { wish?: string | null }[] }>(
    "GET",
    "/api/v1/agent/conversations?state=waiting&limit=200",
  );
  expect(conversations.map(({ wish }) => wish ?? null).sort()).toEqual(["callback", null].sort());
  // Over a reload it is still so.
  await first.reload();
  await first.clock.runFor(2_000);
  await expect(first.getByText("已登记回电")).toBeVisible();
  await first.context().close();
});

test("who waits hears about how long, as the server says", async ({ page, server }) => {
  await page.routeWebSocket(/\/socket/, (own) => {
    const there = own.connectToServer();
    there.onMessage((text) => {
      const line = JSON.parse(String(text)) as { type: string; wait_s?: number | null };
      if (line.type === "queue") line.wait_s = 200;
      own.send(JSON.stringify(line));
    });
  });
  await page.goto(`${server.base}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
  await page.getByRole("textbox").fill("要等多久");
  await page.getByRole("textbox").press("Enter");
  await expect(page.getByText(/(您是下一位|前面还有 \d+ 位)，预计等待约 4 分钟/)).toBeVisible();
});
