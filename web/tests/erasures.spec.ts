/** Two people erase a customer in the console, a hold keeps a customer, and the certificate holds for the auditor's program. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Page } from "@playwright/test";
import { codeOf, enrol, Visitor } from "./console-people";
import { accessible, Watch } from "./eyes";
import { expect, PROGRAM, type Server, test, until } from "./harness";

test.use({ wish: { name: "erasures" } });

const PSEUDONYM = /^[0-9a-f]{32}$/;

/** A customer who has a conversation: its id, and their pseudonym. */
async function customer(server: Server, text: string): Promise<{ conversation: string; subject: string }> {
  const conversation = await Visitor.come(server).then((one) => one.say(text));
  const supervisor = await server.login("supervisor");
  const list = await supervisor.ask<{ conversations: { id: string; contact: string }[] }>(
    "GET",
    "/api/v1/agent/conversations?state=waiting&limit=200",
  );
  const subject = list.conversations.find(({ id }) => id === conversation)?.contact ?? "";
  expect(subject).toMatch(PSEUDONYM);
  return { conversation, subject };
}

async function choose(page: Page, selector: string, option: string): Promise<void> {
  await page.locator(`.el-select:has(${selector})`).click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

function unpack(zip: string, folder: string): void {
  execFileSync("python3", ["-m", "zipfile", "-e", zip, folder]);
}

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

test("a hold keeps a customer from being erased until it is released, and no longer", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(context);
  const { subject } = await customer(server, "我要投诉");
  await server.enter(context, "compliance");
  await page.goto(`${server.base}/console/erasures`);
  await page.locator('[data-test="place"]').click();
  await page.locator("#hold-subject").fill(subject);
  await choose(page, "#hold-reason", "投诉");
  await accessible(page);
  await page.locator('[data-test="send-hold"]').click();
  const hold = page.locator(`[data-test="hold"][data-subject="${subject}"]`);
  await expect(hold).toContainText("保全中");
  await accessible(page);

  await page.locator('[data-test="propose"]').click();
  await page.locator("#erasure-subject").fill(subject);
  await choose(page, "#erasure-reason", "客户反对");
  await page.locator('[data-test="send-proposal"]').click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("alert")).toContainText("司法冻结保全");
  await accessible(page);
  await dialog.getByRole("button", { name: "取消" }).click();

  await hold.locator('[data-test="release"]').click();
  await page.getByRole("button", { name: "解除保全" }).last().click();
  await expect(hold).toContainText("已解除");
  await page.locator('[data-test="propose"]').click();
  await page.locator("#erasure-subject").fill(subject);
  await choose(page, "#erasure-reason", "客户反对");
  await page.locator('[data-test="send-proposal"]').click();
  const row = page.locator(`[data-test="erasure"][data-subject="${subject}"]`);
  await expect(row).toHaveAttribute("data-state", "proposed");
  watch.clean();
});

test("nothing yet, nothing to be had and nothing valid are told in words, also on a telephone", async ({
  browser,
  server,
}) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "zh-CN" });
  await server.enter(context, "supervisor");
  const page = await context.newPage();
  await page.route("**/api/v1/erasures", (route) => route.fulfill({ json: { erasures: [] } }));
  await page.goto(`${server.base}/console/erasures`);
  await expect(page.getByRole("heading", { name: "还没有删除申请" })).toBeVisible();
  // A supervisor places no holds, and sees none.
  await expect(page.locator('[data-test="place"]')).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "司法冻结保全" })).toHaveCount(0);
  await page.locator('[data-test="propose"]').click();
  await page.locator("#erasure-subject").fill("13800138000");
  await choose(page, "#erasure-reason", "保存期满");
  await expect(page.locator('[data-test="send-proposal"]')).toBeDisabled();
  await page.locator("#erasure-subject").fill("ab".repeat(16));
  await page.unroute("**/api/v1/erasures");
  await page.locator('[data-test="send-proposal"]').click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("没有这样的");
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await accessible(page);
  await page.route("**/api/v1/erasures", (route) =>
    route.fulfill({ status: 503, json: { code: "unavailable" } }),
  );
  await page.reload();
  await expect(page.getByRole("heading", { name: "未能加载" })).toBeVisible();
  await accessible(page);
  await context.close();
});

// The last: from here on both have a second factor, which every later login would have to show.
test("a supervisor proposes, another person approves with a code, and the certificate verifies", async ({
  page,
  context,
  browser,
  server,
}, testInfo) => {
  const watch = await Watch.on(context);
  const { conversation, subject } = await customer(server, "请删除我的资料，13812345678");
  await server.enter(context, "supervisor");
  // From the conversation, by its customer.
  await page.goto(`${server.base}/console/inbox/${conversation}`);
  await page.locator('[data-test="propose-erasure"]').click();
  await expect(page.locator("#erasure-subject")).toHaveValue(subject);
  await expect(page.locator('[data-test="what-happens"]')).toContainText("无法撤销");
  await expect(page.locator('[data-test="send-proposal"]')).toBeDisabled();
  await page.locator('[data-test="at-once"]').click();
  await expect(page.locator('[data-test="what-happens"]')).toContainText("此前的所有备份作废");
  await accessible(page);
  await page.locator('[data-test="at-once"]').click();
  await choose(page, "#erasure-reason", "客户撤回同意");
  await page.locator('[data-test="send-proposal"]').click();
  const row = page.locator(`[data-test="erasure"][data-subject="${subject}"]`);
  await expect(row).toHaveAttribute("data-state", "proposed");
  await accessible(page);

  // Whoever proposed it can't approve it, in words and by the API, with a second factor, too.
  await expect(row.locator('[data-test="own"]')).toContainText("须由另一人批准");
  await expect(row.locator('[data-test="approve"]')).toHaveCount(0);
  const { staff: proposer } = await enrol(server, "supervisor");
  const { erasures } = await proposer.ask<{ erasures: { id: string }[] }>("GET", "/api/v1/erasures");
  const own = await proposer.send("POST", `/api/v1/erasures/${erasures[0]?.id}/approve`, {});
  expect([own.status, ((await own.json()) as { code: string }).code]).toEqual([403, "same_person"]);
  // The same again is refused in words: it is proposed already.
  await page.locator('[data-test="propose"]').click();
  await page.locator("#erasure-subject").fill(subject);
  await choose(page, "#erasure-reason", "客户反对");
  await page.locator('[data-test="send-proposal"]').click();
  await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();

  // The other person: first without a second factor, then with a wrong and with a right code.
  const office = await browser.newContext({ locale: "zh-CN" });
  const other = await Watch.on(office);
  await server.enter(office, "compliance");
  const desk = await office.newPage();
  await desk.goto(`${server.base}/console/erasures`);
  const theirs = desk.locator(`[data-test="erasure"][data-subject="${subject}"]`);
  await theirs.locator('[data-test="approve"]').click();
  const dialog = desk.getByRole("dialog");
  await expect(dialog).toContainText(subject);
  await expect(dialog.locator('[data-test="what-happens"]')).toBeVisible();
  await desk.locator('[data-test="send-decision"]').click();
  await expect(dialog.locator('[data-test="must-enrol"]')).toBeVisible();
  await accessible(desk);
  await dialog.getByRole("button", { name: "取消" }).click();
  const { secret } = await enrol(server, "compliance");
  await theirs.locator('[data-test="approve"]').click();
  await desk.locator('[data-test="send-decision"]').click();
  await desk.locator("#decide-code").fill("000000");
  await desk.locator('[data-test="send-decision"]').click();
  await expect(dialog.getByRole("alert")).toContainText("动态口令");
  await expect(theirs).toHaveAttribute("data-state", "proposed");
  await accessible(desk);
  await desk.locator("#decide-code").fill(codeOf(secret, 1));
  await desk.locator('[data-test="send-decision"]').click();
  await expect(theirs).toHaveAttribute("data-state", "erased");

  // Nothing of what was said is shown any more.
  await page.keyboard.press("Escape");
  await page.goto(`${server.base}/console/inbox/${conversation}`);
  await expect(page.getByRole("heading", { name: "这位客户的数据已删除" })).toBeVisible();
  await expect(page.getByText("请删除我的资料")).toHaveCount(0);
  await accessible(page);
  watch.clean();

  // The certificate: one instant is over, the other not known yet; its files hold for the auditor's program.
  await theirs.locator('[data-test="certificate"]').click();
  const line = desk.locator('[data-test="instants"]');
  await expect(line.locator('[data-of="erased"]')).toHaveAttribute("data-state", "over");
  await expect(line.locator('[data-of="destroyed"]')).toHaveAttribute("data-state", "open");
  await expect(desk.locator('[data-test="certificate-drawer"] pre')).toContainText(
    "lww-shred-certificate@v1",
  );
  await accessible(desk);
  const files = await until("the entry to be published", async () => {
    const fetched = desk.waitForEvent("download");
    await desk.locator('[data-test="keep"]').click();
    const download = await fetched;
    expect(download.suggestedFilename()).toBe(`certificate-${subject.slice(0, 8)}.zip`);
    const folder = testInfo.outputPath(`certificate-${Date.now()}`);
    unpack(await download.path(), folder);
    const { erased } = JSON.parse(read(folder, "certificate.json")) as { erased: { index: number } };
    const proof = join(folder, `entry-${erased.index}.tlog-proof`);
    if (existsSync(proof)) return { folder, proof };
    await desk.reload();
    await theirs.locator('[data-test="certificate"]').click();
    return undefined;
  });
  expect(read(files.folder, "certificate.note")).toContain(`subject ${subject}`);
  const vkey = server.lww("ledger", "vkey", "--tenant", "demo").trim();
  const verify = (proof: string) =>
    execFileSync(join(dirname(PROGRAM), "lww-verify"), ["proof", "--json", "--vkey", vkey, proof], {
      encoding: "utf8",
      stdio: "pipe",
    });
  expect(verify(files.proof)).toContain('"class":"valid"');
  // One changed character, and it doesn't.
  const spoilt = join(files.folder, "spoilt.tlog-proof");
  writeFileSync(
    spoilt,
    readFileSync(files.proof, "utf8").replace(/(?<=\n— \S+ )./, (one) => (one === "A" ? "B" : "A")),
  );
  expect(() => verify(spoilt)).toThrow();
  other.clean();
  await office.close();
});
