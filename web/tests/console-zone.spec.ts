/** Times are the tenant's, wherever the browser stands: here in New York, while the tenant's calendar is Beijing's. */
import { Visitor } from "./console-people";
import { expect, test } from "./harness";

test.use({ wish: { name: "zone" }, timezoneId: "America/New_York" });

/** The time of day in Beijing, as screens write it. */
function beijing(at: string | number): string {
  const style = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Asia/Shanghai" } as const;
  return new Intl.DateTimeFormat("zh-CN", style).format(new Date(at));
}

test("the inbox, the ledger and the widget tell the tenant's time to a browser elsewhere", async ({
  page,
  context,
  browser,
  server,
}) => {
  const agent = await server.login("agent");
  await agent.present();
  const id = await (await Visitor.come(server)).say("现在几点？");
  await agent.gets(id);
  const path = `/api/v1/agent/conversations/${id}`;
  const { messages } = await agent.ask<{ messages: { time: string; index: number }[] }>("GET", path);
  const { time = "", index = 0 } = messages[0] ?? {};
  // Thirteen hours or twelve lie between the two: a browser's own time could not pass for the tenant's.
  expect(await page.evaluate((at) => new Date(at).getHours(), time)).not.toBe(
    Number(beijing(time).slice(0, 2)),
  );

  await server.enter(context, "agent");
  await page.goto(`${server.base}/console/inbox/${id}`);
  const said = page.locator(".message.theirs time");
  await expect(said).toHaveText(beijing(time));
  await expect(said).toHaveAttribute("title", new RegExp(`${beijing(time)}:\\d\\d GMT\\+8$`));
  await expect(page.locator(".row time, .row .when").first()).toHaveText(beijing(time));

  const auditor = await browser.newContext();
  await server.enter(auditor, "auditor");
  const ledger = await auditor.newPage();
  await ledger.goto(`${server.base}/console/ledger/${index}`);
  await expect(ledger.locator(`a[href$="/ledger/${index}"] time`)).toHaveText(beijing(time));
  await expect(ledger.getByText(new RegExp(`${beijing(time)}:\\d\\d GMT\\+8`)).first()).toBeVisible();
  await auditor.close();

  const customer = await context.newPage();
  await customer.goto(`${server.base}/demo/`);
  await customer.getByRole("button", { name: "打开在线客服" }).click();
  await customer.getByRole("textbox").fill("那边几点？");
  await customer.getByRole("textbox").press("Enter");
  const own = customer.getByRole("listitem").filter({ hasText: "那边几点？" }).locator("time");
  await expect(own).toHaveText(beijing((await own.getAttribute("datetime")) ?? ""));
});
