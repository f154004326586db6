/** A policy out of layers, as those see it who answer for it: which layer decided, what differs where, and why a value was found. */
import { resolve } from "node:path";
import { accessible, Watch } from "./eyes";
import { expect, test } from "./harness";

const POLICY = resolve(import.meta.dirname, "../../policies/masking/examples/bank-layered.yaml");

test.use({ wish: { name: "layers", tenantKeys: `policy = ${JSON.stringify(POLICY)}` } });

test("the one effective policy is shown with the layer that decided each mask, and what differs on a channel", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  await server.enter(context, "compliance");
  await page.goto(`${server.base}/console/policies`);
  const layers = page.locator('[data-test="layers"]');
  await expect(layers.locator("li")).toHaveCount(8);
  await expect(layers).toContainText("base/gdpr@1");
  const card = page
    .locator("article.rule", { hasText: "居民身份证" })
    .or(page.locator("article.rule", { hasText: "身份证" }))
    .first();
  await expect(card).toContainText("由 base/pipl@1 决定");
  await card.locator("summary").first().click();
  await expect(card).toContainText("base/jrt0171@1：");
  await expect(page.locator('[data-test="occasion"]').first()).toContainText("有所不同");
  await expect(page.locator("article.rule", { hasText: "loan_no" }).first()).toContainText(
    "LN[- ]?[0-9]{10}",
  );
  await accessible(page);

  // The same text, on any channel and on that of the chat window.
  await page.locator("#try-text").fill("贷款LN2024001234，打我手机13812345678");
  await page.locator('[data-test="try"]').click();
  const agent = page.locator('[data-view="agent"]');
  await expect(agent).toContainText("138****5678");
  const found = page.locator("table.found");
  await expect(found).toContainText("custom.loan_no");
  await expect(found).toContainText("佐证词“手机”");
  await expect(found).toContainText("base/pipl@1");
  await expect(page.locator('[data-test="under"]')).toContainText("第 1 版");
  await page.locator('[data-test="try-channel"]').selectOption("web");
  await page.locator('[data-test="try"]').click();
  await expect(agent).toContainText("*******5678");
  await expect(agent).not.toContainText("138****5678");
  await accessible(page);
  watch.clean();
});
