/** The log's key is changed while people look: who trusts the old one is led to the new one, and never to a stranger's. */
import { maker, statementOf } from "../verifier/tests/maker";
import { accessible, Watch } from "./eyes";
import { expect, type Server, test, until } from "./harness";

test.use({ wish: { name: "key-rotation" } });
// One log and one line of keys: each test goes on from the one before.
test.describe.configure({ mode: "serial" });

const ALARM = '[data-test="alarm"]';
const CHANGED = '[data-test="key-changed"]';
const ORIGIN = "lww.test/demo/1";

interface Keys {
  in_use: string[];
  rotations: { index: number; statement: string }[];
}

/** Changes the key, and lets the new one sign alone. */
async function rotate(server: Server): Promise<Keys> {
  server.lww("ledger", "rotate-key", "--tenant", "demo");
  await until("the change to be published", async () => {
    try {
      server.lww("ledger", "retire-key", "--tenant", "demo", "--new-key-is-known");
      return true;
    } catch {
      return false;
    }
  });
  const auditor = await server.login("auditor");
  return auditor.ask<Keys>("GET", "/api/v1/ledger/keys");
}

test("the console follows a change that the old key signed, and says so", async ({
  page,
  context,
  server,
}) => {
  const watch = await Watch.on(page);
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/ledger`);
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  await page.locator('[data-test="trust"]').click();
  await page.locator('[data-test="is-same"]').click();
  await expect(page.locator('[data-test="key"]')).not.toContainText("尚未与纸面核对");
  const before = await page.locator('[data-test="key"] .fixed').innerText();

  const { in_use, rotations } = await rotate(server);
  const [newest = ""] = in_use;
  expect(in_use).toHaveLength(1);
  await page.reload();
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  await expect(page.locator('[data-test="grown"]')).toBeVisible();
  await expect(page.locator(ALARM)).toHaveCount(0);
  const changed = page.locator(CHANGED);
  await expect(changed).toContainText(`第 ${rotations[0]?.index} 条存证记录`);
  await expect(changed).toContainText(`旧公钥 ${before}`);
  await expect(changed).toContainText(newest.split("+")[1] ?? "");
  await expect(changed).toContainText("尚未与纸面核对");
  await expect(page.locator('[data-test="key"]')).toHaveCount(1);
  await expect(page.locator('[data-test="key"]')).toContainText("尚未与纸面核对");
  await page.locator('[data-test="trust"]').click();
  await expect(page.locator('[data-test="fingerprint"]')).toHaveCount(2);
  await accessible(page);
  await page.locator('[data-test="is-same"]').click();
  await expect(changed).toContainText("您已将其与纸面核对");
  await page.reload();
  await expect(changed).toContainText("您已将其与纸面核对");

  // The entry that names the new key is verified like any other.
  await changed.locator("a").click();
  await expect(page.locator('[data-test="verdict"]')).toHaveAttribute("data-verdict", "valid");
  watch.clean();
});

test("a second change is followed, too, and one that the old key did not sign is an alarm", async ({
  page,
  context,
  server,
}) => {
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/ledger`);
  await expect(page.locator('[data-test="head"]')).toBeVisible();
  const { in_use, rotations } = await rotate(server);
  const keys = await (await server.login("auditor")).ask<Keys>("GET", "/api/v1/ledger/keys");
  expect(keys.rotations).toHaveLength(2);
  await page.reload();
  await expect(page.locator(CHANGED)).toContainText(`第 ${rotations[1]?.index} 条存证记录`);
  await expect(page.locator(ALARM)).toHaveCount(0);

  // A stranger's key, with a statement of a stranger's, or with none.
  const [stranger, other] = [await maker(ORIGIN), await maker(ORIGIN)];
  const forged = { index: 99, statement: await statementOf(other, stranger, ORIGIN) };
  const vkey = stranger.vkey;
  await page.route("**/api/v1/ledger/head", async (route) => {
    const head = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...head, vkey } });
  });
  let told: Keys["rotations"] = [...rotations, forged];
  await page.route("**/api/v1/ledger/keys", (route) =>
    route.fulfill({ json: { in_use: [vkey], rotations: told } }),
  );
  for (const statements of [told, [...rotations], []]) {
    told = statements;
    await page.reload();
    await expect(page.locator(ALARM)).toHaveAttribute("data-alarm", "changed_key");
    await expect(page.locator('[data-test="head"]')).toHaveCount(0);
  }
  await page.unroute("**/api/v1/ledger/head");
  await page.reload();
  await expect(page.locator(ALARM)).toHaveCount(0);
  await expect(page.locator('[data-test="key"] .fixed')).toHaveText(in_use[0]?.split("+")[1] ?? "");
});

test("in the chat window, receipts from before a change stay good, and a stranger's key is refused", async ({
  page,
  server,
}) => {
  const watch = await Watch.on(page);
  await page.goto(`${server.base}/demo/`);
  await page.getByRole("button", { name: "打开在线客服" }).click();
  await page.getByRole("textbox").fill("换密钥之前说的");
  await page.getByRole("textbox").press("Enter");
  await page.getByRole("button", { name: "存证回执" }).click();
  const item = page.getByRole("listitem").filter({ hasText: "换密钥之前说的" });
  const check = async (told: string) =>
    expect(async () => {
      await item.getByRole("button", { name: /核验/ }).click();
      await expect(item.getByRole("status")).toContainText(told, { timeout: 2_000 });
    }).toPass();
  await check("核验通过");
  const download = page.waitForEvent("download");
  await item.getByRole("button", { name: /下载/ }).click();
  const kept = await (await download).path();
  const { in_use } = await rotate(server);

  // What the server gives now is signed by the new key alone; what was kept, by the old one alone.
  await check("核验通过");
  const verdict = page.locator(".receipts > .verdict:not(.all)");
  await page.locator("#lww-file").setInputFiles(kept);
  await expect(verdict).toContainText("核验通过");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "存证回执" }).click();
  await expect(page.locator(".receipts .key")).toContainText(in_use[0] ?? "");

  const stranger = await maker(ORIGIN);
  await page.route(`${server.base}${server.channel}/vkey`, (route) => route.fulfill({ body: stranger.vkey }));
  await check("核验公钥与首次所见不同");
  const forged = [await statementOf(await maker(ORIGIN), stranger, ORIGIN)];
  for (const statements of [forged, ["words"]]) {
    await page.route(`${server.base}${server.channel}/rotations`, (route) =>
      route.fulfill({ json: statements }),
    );
    await check("核验公钥与首次所见不同");
  }
  watch.clean();
});
