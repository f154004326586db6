/**
 * Somebody new has what `lww run` prints and nothing else. Each press of a pointer or of Enter counts as a click, the ones of
 * the first login too; typing does not.
 */
import { type BrowserContext, expect, type Page, test as base } from "@playwright/test";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Watch } from "./eyes";
import { PROGRAM } from "./harness";

/** The server's first words, on a terminal. */
const test = base.extend<object, { told: string }>({
  told: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "lww-first-"));
      chmodSync(folder, 0o755); // As root, PostgreSQL's account passes through.
      const http = `listen = "127.0.0.1:0"\ntrial_listen = "127.0.0.1:0"\ncerts_dir = "${folder}/certs"\n`;
      writeFileSync(join(folder, "lww.toml"), `data_dir = "${folder}/data"\n\n[http]\n${http}`);
      const child = spawn(PROGRAM, ["run", "--fill", "stories", "--config", join(folder, "lww.toml")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise((done) => child.once("exit", done));
      let told = "";
      await new Promise<void>((done, failed) => {
        child.stdout.on("data", (bytes: Buffer) => {
          told += bytes.toString();
          if (told.includes("Stop it with Ctrl-C")) done();
        });
        child.once("exit", () => failed(new Error(`the server did not start: ${told}`)));
      });
      await use(told);
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
    { scope: "worker", timeout: 120_000 },
  ],
});

/** What follows a word of the server's. */
function after(told: string, word: RegExp): string {
  return new RegExp(`${word.source}\\s+(\\S+)`, "m").exec(told)?.[1] ?? "";
}

/** Counts from here on, over every page that is loaded. */
async function counter(context: BrowserContext): Promise<() => number> {
  let count = 0;
  await context.exposeFunction("lwwClicked", () => void (count += 1));
  await context.addInitScript(() => {
    const clicked = () => (window as unknown as { lwwClicked(): void }).lwwClicked();
    addEventListener("pointerdown", clicked, { capture: true });
    addEventListener("keydown", ({ key }) => key === "Enter" && clicked(), { capture: true });
  });
  return () => count;
}

async function begin(page: Page): Promise<{ watch: Watch; clicks: () => number }> {
  return { watch: await Watch.on(page), clicks: await counter(page.context()) };
}

test("a new customer reaches a verified proof in three clicks from the address that is printed", async ({
  page,
  told,
}) => {
  const { watch, clicks } = await begin(page);
  await page.goto(after(told, /customer's page/));
  await page.getByRole("button", { name: "打开在线客服" }).click();
  await page.getByRole("textbox").fill("我的卡号是6222021234567890128，卡丢了");
  await page.getByRole("button", { name: "发送", exact: true }).click();
  await page.getByRole("button", { name: /^(已存证|已读) · 核验/ }).click();
  await expect(page.getByText(/核验通过：第 \d+ 号存证记录/)).toBeVisible();
  expect(clicks()).toBe(3);
  watch.clean();
});

test("a new auditor reaches a verified proof in three clicks, the change of the printed password among them", async ({
  page,
  told,
}) => {
  const { watch, clicks } = await begin(page);
  const password = after(told, /^ +demo +auditor/);
  await page.goto(after(told, /console/));
  await page.getByLabel("登录名").fill("auditor");
  await page.getByLabel("密码").fill(password);
  await page.getByRole("button", { name: "登录", exact: true }).click();
  await page.getByLabel("当前密码").fill(password);
  for (const field of ["新密码", "再次输入新密码"])
    await page.getByLabel(field, { exact: true }).fill("a password of one's own");
  await page.getByRole("button", { name: "修改密码" }).click();
  // Nobody is asked for what they have just typed: the ledger is the next thing to be seen.
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  await page.locator('[data-test="entries"] a').first().click();
  await expect(page.locator('[data-test="verdict"]')).toHaveAttribute("data-verdict", "valid");
  expect(clicks()).toBe(3);
  watch.clean();
});
