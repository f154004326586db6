/** Evidence is taken out by the ledger page, and holds for the second verifier and the first. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PackageFiles, readTar, verifyEvidence } from "../verifier/evidence";
import { accessible, Watch } from "./eyes";
import { expect, PROGRAM, test, until } from "./harness";

test.use({ wish: { name: "take-evidence" } });

test("a conversation's package is ordered, gathered, downloaded and verified by both verifiers", async ({
  page,
  context,
  server,
}, testInfo) => {
  const watch = await Watch.on(page);
  await page.goto(`${server.base}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
  await page.getByRole("textbox").fill("请把这段会话作为证据");
  await page.getByRole("textbox").press("Enter");
  const auditor = await server.enter(context, "auditor");
  const conversation = await until("the conversation on record", async () => {
    const path = "/api/v1/ledger/entries?kind=message.received&limit=1";
    const { entries } = await auditor.ask<{ entries: { entry: string }[] }>("GET", path);
    const [newest] = entries;
    return newest && (JSON.parse(newest.entry) as { conversation: string }).conversation;
  });

  // Who looks at one conversation finds its id in the form.
  await page.goto(`${server.base}/console/ledger?conversation=${conversation}`);
  await page.locator('[data-test="take-evidence"]').click();
  await expect(page.locator("#evidence-id")).toHaveValue(conversation);
  await expect(page.locator('[data-test="order"]')).toBeDisabled();
  await page.locator("#evidence-reason").fill("投诉 2026-117");
  await accessible(page);
  await page.locator('[data-test="order"]').click();
  const made = page.locator('[data-test="package"]');
  await expect(made).toHaveAttribute("data-state", "ready", { timeout: 90_000 });
  await expect(made).toContainText(conversation);
  await accessible(page);
  const fetched = page.waitForEvent("download");
  await page.locator('[data-test="fetch"]').click();
  const file = await (await fetched).path();
  const tar = readFileSync(file);
  const vkey = server.lww("ledger", "vkey", "--tenant", "demo").trim();
  const files: PackageFiles = await readTar(new Blob([new Uint8Array(tar)]));
  const verdict = await verifyEvidence(files, vkey);
  expect(verdict).toMatchObject({ ok: true });
  const kept = testInfo.outputPath("case.tar");
  writeFileSync(kept, tar);
  const said = execFileSync(
    join(dirname(PROGRAM), "lww-verify"),
    ["export", "--json", "--vkey", vkey, kept],
    { encoding: "utf8" },
  );
  expect(said).toContain('"class":"valid"');

  // The receipt of the entry is had beside it, and a package is taken away by whoever ordered it.
  const receipt = page.waitForEvent("download");
  await page.locator('[data-test="receipt"]').click();
  expect((await receipt).suggestedFilename()).toMatch(/^\d+\.tlog-proof$/);
  await page.getByRole("button", { name: "移除" }).click();
  await expect(made).toHaveCount(0);
  watch.clean();
});

test("a conversation that is not there is refused in words, and an administrator has no such button", async ({
  page,
  context,
  server,
}) => {
  await server.enter(context, "compliance");
  await page.goto(`${server.base}/console/ledger`);
  await page.locator('[data-test="take-evidence"]').click();
  await page.locator("#evidence-id").fill("no id");
  await page.locator("#evidence-reason").fill("x");
  await expect(page.locator('[data-test="order"]')).toBeDisabled();
  await page.locator("#evidence-id").fill("ab".repeat(16));
  await page.locator('[data-test="order"]').click();
  await expect(page.locator(".failure, [data-state=failed]").first()).toBeVisible();
  const other = await context.browser()?.newContext();
  if (other === undefined) throw new Error("a browser");
  await server.enter(other, "admin");
  const admin = await other.newPage();
  await admin.goto(`${server.base}/console/ledger`);
  await expect(admin.locator("h1")).toBeVisible();
  await expect(admin.locator('[data-test="take-evidence"]')).toHaveCount(0);
  await other.close();
});
