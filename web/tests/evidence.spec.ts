/** The ledger, policies and health pages, by people of each role, in a real browser. */
import { readFileSync } from "node:fs";
import { leafHash, utf8 } from "../verifier";
import { checkpointOf, consistencyOf, entriesOf, maker } from "../verifier/tests/maker";
import { Watch } from "./eyes";
import { expect, test } from "./harness";

test.use({ wish: { name: "evidence" } });

const VERDICT = '[data-test="verdict"]';

test("a tampered copy is refused in the page, whatever of it is changed", async ({ page, server }) => {
  const watch = await Watch.on(page);
  await server.enter(page.context(), "auditor");
  await page.goto(`${server.base}/console/`);
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  await page.locator('[data-test="entries"] a').first().click();
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");

  for (const [place, reason] of [
    ["entry", "bad_proof"],
    ["path", "bad_proof"],
    ["checkpoint", "bad_signature"],
    ["signature", "bad_signature"],
  ]) {
    await page.locator('[data-test="tamper"]').click();
    await page.locator(`[data-test="tamper-${place}"]:visible`).click();
    await expect(page.locator(VERDICT), place).toHaveAttribute("data-verdict", reason ?? "");
    await page.locator('[data-test="restore"]').click();
    await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  }
  watch.clean();
});

test("a receipt file is verified in the page, and one with a changed byte is refused", async ({
  page,
  context,
  server,
}) => {
  const auditor = await server.enter(context, "auditor");
  const receipt = await (await auditor.send("GET", "/api/v1/ledger/entries/2/proof")).text();
  await page.goto(`${server.base}/console/ledger`);
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  const give = (text: string) =>
    page
      .locator('[data-test="file"]')
      .setInputFiles({ name: "2.tlog-proof", mimeType: "text/plain", buffer: Buffer.from(text) });
  await give(receipt);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  await page.keyboard.press("Escape");
  await give(receipt.replace("index 2", "index 3"));
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "bad_proof");
  await page.keyboard.press("Escape");
  await give("anything else");
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "malformed");
});

test("another key, another history and a shorter one raise the alarm", async ({ page, context, server }) => {
  await server.enter(context, "auditor");
  const alarm = page.locator('[data-test="alarm"]');
  await page.goto(`${server.base}/console/ledger`);
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  await expect(alarm).toHaveCount(0);

  const origin = "lww.test/demo/1";
  const key = await maker(origin);
  const leaves = await Promise.all((await entriesOf(origin, 21)).map((entry) => leafHash(utf8(entry))));
  const forged = [await leafHash(utf8("forged")), ...leaves.slice(1)];
  let shown = leaves.slice(0, 13);
  await page.route("**/api/v1/ledger/head", async (route) => {
    const checkpoint = await checkpointOf(key, origin, shown);
    await route.fulfill({ json: { vkey: key.vkey, size: shown.length, root: null, checkpoint } });
  });
  await page.route("**/api/v1/ledger/consistency*", async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const path = await consistencyOf(Number(query.get("from")), shown.slice(0, Number(query.get("to"))));
    const hex = path.map((hash) => Buffer.from(hash).toString("hex"));
    await route.fulfill({ json: { from: 0, to: 0, path: hex } });
  });
  await page.reload();
  await expect(alarm).toHaveAttribute("data-alarm", "changed_key");

  // Whoever accepts the other key knowingly follows its log from there on, from its first head that was seen.
  await page.locator('[data-test="trust"]').click();
  await page.locator("#own-key").fill(key.vkey);
  await page.locator(".own button[type=submit]").click();
  await expect(alarm).toHaveCount(0);
  shown = leaves;
  await page.reload();
  await expect(page.locator('[data-test="grown"]')).toBeVisible();
  await expect(alarm).toHaveCount(0);

  for (const other of [forged, leaves.slice(0, 20), [...forged, ...leaves.slice(0, 3)]]) {
    shown = other;
    await page.reload();
    await expect(alarm).toHaveAttribute("data-alarm", /contradiction|bad_signature/);
    await expect(page.locator('[data-test="head"]')).toHaveCount(0);
  }
  const download = page.waitForEvent("download");
  await alarm.locator("button").click();
  const evidence = readFileSync(await (await download).path(), "utf8");
  expect(evidence).toMatch(/^lww-evidence@v1\nfork\n/);
  expect(evidence.split(`— ${origin} `).length).toBe(3);
});

test("new entries arrive by themselves, and filters find what they say", async ({
  page,
  context,
  server,
}) => {
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/ledger?kind=login.succeeded`);
  const rows = page.locator('[data-test="entries"] a');
  await expect(rows.first()).toBeVisible();
  const before = await rows.count();
  await server.login("compliance");
  await expect(rows).toHaveCount(before + 1);
  await page.goto(`${server.base}/console/ledger?kind=policy.activated`);
  await expect(rows).toHaveCount(1);
  await rows.first().click();
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
});

test("a tried text is shown as each audience sees it, and leaves no trace", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(page);
  const officer = await server.enter(context, "compliance");
  const size = async () => (await officer.ask<{ size: number }>("GET", "/api/v1/ledger/head")).size;
  await page.goto(`${server.base}/console/policies`);
  await expect(page.locator('[data-test="drift"]')).toHaveAttribute("data-drift", "same");
  const before = await size();
  await page
    .locator('[data-test="try-text"] textarea, textarea[data-test="try-text"]')
    .fill("卡号6222 0212 3456 7890 128，CVV 737");
  await page.locator('[data-test="try"]').click();
  const view = (name: string) => page.locator(`[data-view="${name}"]`);
  await expect(view("agent")).toContainText("622202*********0128");
  await expect(view("outbound")).toContainText("[bank_card]");
  for (const name of ["customer", "agent", "supervisor", "outbound"]) {
    await expect(view(name)).toContainText("[cvv]");
    await expect(view(name)).not.toContainText("737");
  }
  expect(await size()).toBe(before);
  watch.clean();
});

test("health tells what runs, with digests, and what the doctor says in the language of the screen", async ({
  page,
  context,
  server,
}) => {
  const admin = await server.enter(context, "admin");
  const told = await admin.ask<{ version: string; binary: string }>("GET", "/api/v1/system/health");
  await page.goto(`${server.base}/console/health`);
  await expect(page.locator('[data-test="state"]')).toBeVisible();
  await expect(page.getByText(told.version, { exact: true })).toBeVisible();
  await expect(page.getByText(told.binary.slice(0, 16))).toBeVisible();
  await expect(page.locator(".findings li").first()).toBeVisible();
});
