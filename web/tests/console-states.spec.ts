/** What pages say while they load, when they can't, and when there is nothing; the drift of a policy; the picture of a proof. */
import type { Page } from "@playwright/test";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Visitor } from "./console-people";
import { accessible } from "./eyes";
import { expect, type Role, type Server, test, until } from "./harness";

const SHIPPED = resolve(import.meta.dirname, "../../policies/masking/cn-retail.yaml");
/** The policy file of this server. */
const FILE = join(mkdtempSync(join(tmpdir(), "lww-policy-")), "policy.yaml");
copyFileSync(SHIPPED, FILE);

test.use({ wish: { name: "states", tenantKeys: `policy = "${FILE}"` } });

interface Shown {
  role: Role;
  page: string;
  /** What it asks the server first. */
  asks: string;
  /** What stands there once that is answered. */
  ready: string;
  /** An answer without anything, and what is said then. */
  nothing?: [answer: object, words: string];
}

const PAGES: Shown[] = [
  {
    role: "agent",
    page: "inbox",
    asks: "**/api/v1/agent/conversations?**",
    ready: ".list .empty",
    nothing: [{ conversations: [], next: null }, "当前没有您接待的会话"],
  },
  {
    role: "supervisor",
    page: "queues",
    asks: "**/api/v1/agent/queues",
    ready: ".queue",
    nothing: [{ queues: [] }, "路由表中没有队列"],
  },
  {
    role: "auditor",
    page: "ledger",
    asks: "**/api/v1/ledger/entries?**",
    ready: '[data-test="entries"] a',
    nothing: [{ entries: [], next: null, size: 0 }, "账本里还没有记录"],
  },
  { role: "compliance", page: "policies", asks: "**/api/v1/policies/masking", ready: '[data-test="drift"]' },
  {
    role: "compliance",
    page: "policies?tab=routing",
    asks: "**/api/v1/policies/routing",
    ready: ".rows li",
  },
  {
    role: "admin",
    page: "accounts",
    asks: "**/api/v1/admin/accounts?**",
    ready: "tbody tr",
    nothing: [{ accounts: [], next: null }, "没有符合条件的账号"],
  },
  { role: "admin", page: "health", asks: "**/api/v1/system/health", ready: '[data-test="state"]' },
];

const REFUSAL = {
  status: 503,
  contentType: "application/problem+json",
  body: JSON.stringify({ code: "unavailable", status: 503, detail: "数据库暂时不可用。" }),
};

async function enter(page: Page, server: Server, shown: Shown): Promise<void> {
  await server.enter(page.context(), shown.role);
}

for (const shown of PAGES) {
  test(`${shown.page} tells that it loads, that it can't, and that there is nothing`, async ({
    page,
    server,
  }) => {
    await enter(page, server, shown);
    const address = `${server.base}/console/${shown.page}`;
    const content = page.locator("#content");
    let answer: () => void = () => undefined;
    const held = new Promise<void>((done) => (answer = done));
    await page.route(shown.asks, async (route) => {
      await held;
      await route.fulfill(REFUSAL);
    });
    await page.goto(address);
    await expect(content.locator(".loading").first()).toBeVisible();
    answer();
    const error = content.getByRole("alert").first();
    await expect(error).toContainText("未能加载");
    await expect(error).toContainText("数据库暂时不可用。");
    await page.unroute(shown.asks);
    await error.getByRole("button", { name: "重试" }).click();
    await expect(content.locator(shown.ready).first()).toBeVisible();
    await expect(content.getByText("未能加载")).toHaveCount(0);

    if (shown.nothing === undefined) return;
    const [json, words] = shown.nothing;
    await page.route(shown.asks, (route) => route.fulfill({ json }));
    await page.goto(address);
    await expect(content.getByRole("heading", { name: words })).toBeVisible();
  });
}

test("a conversation of somebody else, one that isn't there and what can't be one are told apart, with a way back", async ({
  page,
  server,
}) => {
  const other = await server.login(await server.hire("other", 1));
  await other.present();
  const id = await (await Visitor.come(server)).say("这是别人的会话");
  await until("the other agent to hold it", async () => (await other.conversations("assigned")).length === 1);
  await server.enter(page.context(), "agent");
  const content = page.locator("#content");
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    for (const [address, words] of [
      [id, "这个会话不由您接待"],
      ["0".repeat(32), "没有这个会话"],
      ["anything", "没有这个会话"],
    ] as const) {
      await page.goto(`${server.base}/console/inbox/${address}`);
      await expect(content.getByRole("alert").getByRole("heading", { name: words })).toBeVisible();
      await expect(content.getByText("页面出错")).toHaveCount(0);
      await expect(content.getByText("这是别人的会话")).toHaveCount(0);
      await expect(content.getByRole("textbox")).toHaveCount(0);
      await accessible(page, "#content");
      await content.getByRole("button", { name: "回到会话列表" }).click();
      await expect(page).toHaveURL(/\/inbox\/?$/);
      await expect(content.getByRole("heading", { name: "当前没有您接待的会话" })).toBeVisible();
    }
  }
});

test("an entry that isn't there is told so, with a way back", async ({ page, server }) => {
  await server.enter(page.context(), "auditor");
  const content = page.locator("#content");
  for (const address of ["99999999", "anything", "999999999999999999"]) {
    await page.goto(`${server.base}/console/ledger/${address}`);
    await expect(content.getByRole("heading", { name: "账本里没有这条记录" })).toBeVisible();
    await accessible(page, "#content");
    await content.getByRole("button", { name: "回到存证记录列表" }).click();
    await expect(page).toHaveURL(/\/ledger\/?$/);
    await expect(content.locator('[data-test="entries"] a').first()).toBeVisible();
  }
});

test("the picture lights one node a level up to the signed root, and goes dark where a copy is changed", async ({
  page,
  server,
}) => {
  await server.enter(page.context(), "auditor");
  await page.goto(`${server.base}/console/ledger/2`);
  const verdict = page.locator('[data-test="verdict"]');
  await expect(verdict).toHaveAttribute("data-verdict", "valid");
  const picture = page.locator("figure.tree");
  const levels = await picture.locator(".node:not(.lit)").count();
  expect(levels).toBeGreaterThan(1);
  await expect(picture.locator(".node.lit")).toHaveCount(levels);
  await expect(picture.locator(".line.lit")).toHaveCount(levels);
  await expect(picture.locator(".node.lit").first()).toContainText("#2");
  await expect(picture.locator(".root")).toContainText("根 · 已由银行密钥签名");
  await expect(picture).not.toHaveClass(/wrong/);
  await expect(picture.getByRole("img")).toHaveAccessibleName(new RegExp(`第 2 条记录经 ${levels} 层`));
  const root = await picture.locator(".root .hash").textContent();

  const spoil = async (place: string) => {
    await page.locator('[data-test="tamper"]').click();
    await page.locator(`[data-test="tamper-${place}"]:visible`).click();
  };
  for (const place of ["entry", "path"]) {
    await spoil(place);
    await expect(picture.locator(".root")).toContainText("合成的根 · 不是签了名的那个");
    await expect(picture).toHaveClass(/wrong/);
    await expect(picture.locator(".root .hash")).not.toHaveText(root ?? "");
    await page.locator('[data-test="restore"]').click();
    await expect(picture.locator(".root .hash")).toHaveText(root ?? "");
  }
  await spoil("signature");
  await expect(picture.locator(".root")).toContainText("根 · 签名未通过");
});

test("a policy file that was changed is told line by line, and a broken one with its reason; neither counts", async ({
  page,
  server,
}) => {
  const before = readFileSync(SHIPPED, "utf8");
  const old = "      customer: {keep: {first: 3, last: 4}}";
  const at = before.indexOf(old, before.indexOf("- entity: cn.mobile"));
  const changed = `${before.slice(0, at)}${old.replace("first: 3", "first: 2")}${before.slice(at + old.length)}`;
  const line = before.slice(0, at).split("\n").length;
  await server.enter(page.context(), "compliance");
  const drift = page.locator('[data-test="drift"]');
  await page.goto(`${server.base}/console/policies`);
  await expect(drift).toHaveAttribute("data-drift", "same");
  await expect(page.locator(".diff")).toHaveCount(0);

  writeFileSync(FILE, changed.replace("\nversion: 2\n", "\nversion: 3\n"));
  await server.restart();
  await page.reload();
  await expect(drift).toHaveAttribute("data-drift", "differs");
  await expect(drift).toContainText("配置文件与生效策略不一致");
  await expect(page.locator(".diff .line.out")).toContainText(["version: 2", old.trim()]);
  await expect(page.locator(".diff .line.in")).toContainText(["version: 3", "first: 2, last: 4"]);
  await expect(page.locator(".diff .line.out .number").last()).toHaveText(String(line));
  // What is in force is what the entry says, not the file.
  await expect(page.locator(".force h2")).toContainText("v2");

  writeFileSync(FILE, before.replace("apiVersion: mask/v1", "apiVersion: mask/v9"));
  await server.restart();
  await page.reload();
  await expect(drift).toHaveAttribute("data-drift", "broken");
  await expect(drift.locator(".error")).not.toBeEmpty();
});
