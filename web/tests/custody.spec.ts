/** The card that tells a director who watches the ledger, with a real server and in the states that it can tell. */
import { accessible, Watch } from "./eyes";
import { expect, test } from "./harness";

test.use({ wish: { name: "custody" } });

const CARD = '[data-test="custody"]';
const CUSTODY = "**/api/v1/ledger/custody";
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

const witness = (name: string, size: number, state: string, reason: string | null = null) => ({
  ...{ name, size, state, reason },
  url: "https://witness.example",
  at: ago(1),
  since: ago(3),
});

test("a ledger that nobody else watches says so, and what that means", async ({ page, context, server }) => {
  const watch = await Watch.on(page);
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/ledger`);
  const card = page.locator(CARD);
  await expect(card).toHaveAttribute("data-level", "warn");
  const nobody = card.locator('[data-of="witnesses"]');
  await expect(nobody).toContainText("只有银行自己的服务器在看");
  await expect(nobody).toContainText("怎么办");
  // What the server tells of its own log stands beside it.
  const size = (await page.locator('[data-test="head"]').innerText()).match(/\d+/)?.[0] ?? "";
  await expect(card.locator('[data-of="head"]')).toContainText(`${size} 条`);
  await expect(card.locator('[data-of="published"]')).toHaveAttribute("data-level", "good");
  await expect(card.locator('[data-of="mirror"]')).toContainText("别处没有副本");
  await accessible(page);
  // Whoever closes it finds it closed, and what somebody should look at is there all the same.
  await page.locator('[data-test="custody-more"]').click();
  await expect(card.locator('[data-test="watcher"]')).toHaveCount(1);
  await page.reload();
  await expect(nobody).toBeVisible();
  await expect(card.locator('[data-test="watcher"]')).toHaveCount(1);
  await accessible(page);
  watch.clean();
});

test("all who watch are told with how far they have seen, and whoever is wrong comes first, closed or not", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(page);
  await server.enter(context, "auditor");
  let witnesses = [witness("audit", 9_998, "cosigned"), witness("regulator", 9_998, "cosigned")];
  let findings = 0;
  await page.route(CUSTODY, (route) =>
    route.fulfill({
      json: {
        ...{ origin: "lww.test/demo/1", key: "", quorum: "2 of (audit, regulator)", witnesses },
        head: { size: 10_000, signed_at: ago(0) },
        published: { size: 9_998, at: ago(0) },
        mirror: { target: "s3", size: 9_998, at: ago(0), state: "current", reason: null },
        seal: { index: 9_000, upto: 9_000, at: ago(100) },
        self_audit: { at: ago(9), looked_to: 9_900, findings, state: findings > 0 ? "found" : "idle" },
      },
    }),
  );
  await page.addInitScript(() => localStorage.setItem("lww.language", "en"));
  await page.goto(`${server.base}/console/ledger`);
  const card = page.locator(CARD);
  await expect(page.locator('[data-test="custody-overall"]')).toHaveText(/All is well: 6 watch/);
  await expect(page.locator('[data-test="quorum"]')).toContainText("at least 2 of 2 witnesses");
  await expect(card.getByRole("heading", { name: /Witness audit/ })).toBeVisible();
  await expect(card.locator('[data-of="witness"]').first()).toContainText("9,998 entries · 2 behind");
  await expect(card.getByRole("img", { name: /Witness audit has seen 9,998 of 10,000/ })).toBeVisible();
  await accessible(page);

  await page.locator('[data-test="custody-more"]').click();
  await expect(card.locator('[data-test="watcher"]')).toHaveCount(0);
  witnesses = [
    witness("audit", 9_000, "unreachable", "it doesn't answer"),
    witness("regulator", 8_000, "refused", "it says that size 9998 does not continue the size 8000"),
  ];
  await page.reload();
  await expect(page.locator('[data-test="custody-overall"]')).toHaveText(/Act now: 1 of these/);
  const wrong = card.locator('[data-test="watcher"]');
  await expect(wrong).toHaveCount(2);
  await expect(wrong.first()).toContainText("Witness regulator");
  await expect(wrong.first()).toContainText("another history");
  await expect(wrong.first()).toContainText("What to do:");
  await expect(wrong.first()).toContainText("does not continue the size 8000");
  await expect(wrong.last()).toContainText("does not answer");
  await accessible(page);
  findings = 3;
  await page.reload();
  await expect(card.locator('[data-of="self_audit"]')).toContainText("3 findings");
  watch.clean();
});

test("publishing that stands still is told, and not what is a moment behind", async ({
  page,
  context,
  server,
}) => {
  await server.enter(context, "auditor");
  await page.clock.install();
  let size = 100;
  await page.route(CUSTODY, async (route) => {
    const told = (await (await route.fetch()).json()) as object;
    const [head, published] = [
      { size: size + 5, signed_at: ago(0) },
      { size, at: ago(60) },
    ];
    await route.fulfill({ json: { ...told, head, published } });
  });
  await page.goto(`${server.base}/console/ledger`);
  const published = page.locator(`${CARD} [data-of="published"]`);
  await expect(published).toHaveAttribute("data-level", "good");
  size = 120;
  await page.clock.runFor(16_000);
  await expect(published).toContainText("120 条");
  await expect(published).toHaveAttribute("data-level", "good");
  await page.clock.runFor(16_000);
  await expect(published).toHaveAttribute("data-level", "bad");
  await expect(published).toContainText("公布停住了");
});

test("the card fits a telephone, and waits there until it is asked for", async ({ browser, server }) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "zh-CN" });
  await server.enter(context, "auditor");
  const page = await context.newPage();
  await page.goto(`${server.base}/console/ledger`);
  await expect(page.locator('[data-test="custody-overall"]')).toBeVisible();
  await expect(page.locator(`${CARD} [data-of="head"]`)).toHaveCount(0);
  await page.locator('[data-test="custody-more"]').click();
  await expect(page.locator(`${CARD} [data-of="head"]`)).toBeVisible();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await accessible(page);
  await context.close();
});
