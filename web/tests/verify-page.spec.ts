/** `dist/verify.html` as an auditor has it: a file opened from disk, without a network. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { accessible, Watch } from "./eyes";
import { entriesOf, type Maker, maker, receiptOf, statementOf } from "../verifier/tests/maker";
import { vectorPath } from "../verifier/tests/vectors";

const VERDICT = "[data-verdict]";
const PAGE = pathToFileURL(join(import.meta.dirname, "../dist/verify.html")).href;
const vkey = readFileSync(vectorPath("vkey"), "utf8");
let folder = "";

test.beforeEach(async ({ page, context }) => {
  folder = mkdtempSync(join(tmpdir(), "lww-verify-page-"));
  await context.setOffline(true);
  await Watch.on(page);
});
test.afterEach(() => rmSync(folder, { recursive: true }));

/** Copies the kept package, with an edit of one of its files. */
function packageWith(file?: string, from = "", to = ""): string {
  const copy = join(folder, "case-4711");
  cpSync(vectorPath("package"), copy, { recursive: true });
  if (file !== undefined) {
    const text = readFileSync(join(copy, file), "utf8");
    expect(text).toContain(from);
    writeFileSync(join(copy, file), text.replace(from, to));
  }
  return copy;
}

async function give(page: Page, key: string, picker: "#give-file" | "#give-folder", path: string) {
  await page.locator("#key").fill(key);
  await page.locator(picker).setInputFiles(path);
}

test("a package is verified and read, offline, in both languages", async ({ page }) => {
  const watch = await Watch.on(page);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(PAGE);
  await expect(page.locator(VERDICT)).toHaveCount(0);
  await accessible(page);
  await page.locator("#give-folder").setInputFiles(packageWith());
  await expect(page.locator("#result")).toContainText("请先在第 1 步填入账本公钥");
  await page.locator("#key").fill(vkey);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  await expect(page.locator("#result")).toContainText("李雷");
  await expect(page.locator(".transcript")).toContainText("****0017");
  await accessible(page);
  await page.locator("#language").click();
  await expect(page.locator("#result")).toContainText("nothing is missing");
  await expect(page.locator("#language")).toBeFocused();
  await accessible(page);
  expect(asked).toEqual([PAGE]);
  watch.clean();
});

test("a changed character is refused and named, and nothing of the package is shown", async ({ page }) => {
  const watch = await Watch.on(page);
  await page.goto(PAGE);
  await give(page, vkey, "#give-folder", packageWith("entries.jsonl", "****0017", "****0018"));
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "bad_commitment");
  await expect(page.locator("#result")).toContainText("entries.jsonl");
  await expect(page.locator("#result")).toContainText("#17");
  await expect(page.locator(".transcript")).toHaveCount(0);
  await accessible(page);
  watch.clean();
});

test("a receipt is verified, and one that is changed, or of another key, is refused", async ({ page }) => {
  await page.goto(PAGE);
  const receipt = vectorPath("receipts/8-of-9.tlog-proof");
  await give(page, vkey, "#give-file", receipt);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  await expect(page.locator(".transcript")).toContainText("****0008");
  const changed = join(folder, "changed.tlog-proof");
  writeFileSync(changed, readFileSync(receipt, "utf8").replace("index 8", "index 7"));
  await page.locator("#give-file").setInputFiles(changed);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "bad_proof");
  await page.locator("#key").fill("anything else");
  await expect(page.locator(VERDICT)).toHaveCount(0);
});

test("a browser without Ed25519 verifies with the one in the file", async ({ page }) => {
  await page.addInitScript(() => {
    const importKey = crypto.subtle.importKey.bind(crypto.subtle) as (
      ...args: unknown[]
    ) => Promise<CryptoKey>;
    Object.defineProperty(crypto.subtle, "importKey", {
      value: (...args: unknown[]) =>
        args[2] === "Ed25519"
          ? Promise.reject(new DOMException("no Ed25519", "NotSupportedError"))
          : importKey(...args),
    });
  });
  await page.goto(PAGE);
  await expect(page.locator('[data-ed25519="bundled"]')).toBeVisible();
  await give(page, vkey, "#give-folder", packageWith());
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  rmSync(join(folder, "case-4711"), { recursive: true });
  await page.locator("#give-folder").setInputFiles(packageWith("checkpoint", "\n40\n", "\n41\n"));
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "bad_signature");
});

test("a folder or a receipt that is dropped onto the page is verified, and a spoilt one refused", async ({
  page,
  context,
}) => {
  await page.goto(PAGE);
  await page.locator("#key").fill(vkey);
  const devtools = await context.newCDPSession(page);
  const drop = async (path: string) => {
    const at = { x: 200, y: 200, data: { items: [], files: [path], dragOperationsMask: 1 } };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await devtools.send("Input.dispatchDragEvent", { type, ...at });
    }
  };
  await drop(packageWith());
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  await drop(vectorPath("receipts/8.tlog-proof"));
  await expect(page.locator(".transcript")).toContainText("****0008");
  const spoilt = join(folder, "case-4711.tar");
  writeFileSync(spoilt, "no tar");
  await drop(spoilt);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "malformed");
  await expect(page.locator("#result")).toContainText("case-4711.tar");
});

const ORIGIN = "lww.example/acme/1";

/** A log that was signed by the first of three keys, then by the second, and by the third now: statements, and a receipt of each. */
async function rotated() {
  const keys = (await Promise.all([1, 2, 3].map(() => maker(ORIGIN)))) as [Maker, Maker, Maker];
  const [first, second, third] = keys;
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const leaf = (count: number) => Array.from({ length: count }, () => new Uint8Array(32));
  const one = await statementOf(first, second, ORIGIN, leaf(9));
  const two = await statementOf(second, third, ORIGIN, leaf(12));
  const entries = await entriesOf(ORIGIN, 20);
  const old = write("old.tlog-proof", await receiptOf(first, ORIGIN, entries, 3));
  const now = write("now.tlog-proof", await receiptOf(third, ORIGIN, entries, 3));
  const statements = [write("acme-000000000010.rotation", one), write("acme-000000000013.rotation", two)];
  return { keys, one, two, old, now, statements };
}

test("statements of a key's change are followed from the key on paper, pasted or chosen, in any order", async ({
  page,
}) => {
  const watch = await Watch.on(page);
  const { keys, one, two, old, now, statements } = await rotated();
  const verdict = page.locator(VERDICT);
  await page.goto(PAGE);
  await give(page, keys[0].vkey, "#give-file", now);
  await expect(verdict).toHaveAttribute("data-verdict", "bad_signature");
  // Pasted beside the key, the newer one first.
  await page.locator("#key").fill(`${two}\n${keys[0].vkey}\n${one}`);
  await expect(page.locator("[data-successors]")).toHaveAttribute("data-successors", "2");
  await expect(verdict).toHaveAttribute("data-verdict", "valid");
  await accessible(page);
  await page.locator("#give-file").setInputFiles(old);
  await expect(verdict).toHaveAttribute("data-verdict", "valid");
  // Chosen as files, beside what is to be verified, or by themselves.
  await page.locator("#key").fill(keys[0].vkey);
  await page.locator("#give-file").setInputFiles([now, ...[...statements].reverse()]);
  await expect(verdict).toHaveAttribute("data-verdict", "valid");
  await page.locator("#key").fill(keys[0].vkey);
  await expect(verdict).toHaveAttribute("data-verdict", "bad_signature");
  await page.locator("#key-file").setInputFiles(statements);
  await expect(verdict).toHaveAttribute("data-verdict", "valid");
  await page.locator("#language").click();
  await expect(page.locator("[data-keys]")).toContainText("have signed for these");
  await accessible(page);
  watch.clean();
});

test("a statement that the key on paper did not sign makes no key trusted", async ({ page }) => {
  const { keys, one, two, now, statements } = await rotated();
  const stranger = await maker(ORIGIN);
  const forged = await statementOf(stranger, keys[2], ORIGIN);
  const wrong = page.locator(".wrong");
  await page.goto(PAGE);
  await page.locator("#give-file").setInputFiles(now);
  for (const text of [
    `${keys[0].vkey}\n${two}`,
    `${keys[0].vkey}\n${forged}`,
    `${keys[0].vkey}\n${one.replace("@v1", "@v2")}`,
    `${keys[0].vkey}\n${one.slice(0, -40)}`,
    `${keys[0].vkey}\n${one.replace(keys[1].vkey, keys[2].vkey)}`,
  ]) {
    await page.locator("#key").fill(text);
    await expect(wrong).toContainText("不成立");
    await expect(page.locator("[data-successors]")).toHaveCount(0);
    await expect(page.locator(VERDICT)).toHaveCount(0);
  }
  // A statement without any key trusts nobody.
  await page.locator("#key").fill("");
  await page.locator("#key-file").setInputFiles(statements);
  await expect(wrong).toBeVisible();
  await expect(page.locator(VERDICT)).toHaveCount(0);
  await page.locator("#key").fill(keys[0].vkey);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "bad_signature");
});

test("a statement that is dropped is put beside the keys, once", async ({ page, context }) => {
  const { keys, one, now, statements } = await rotated();
  await page.goto(PAGE);
  await page.locator("#key").fill(keys[0].vkey);
  const devtools = await context.newCDPSession(page);
  const drop = async (files: string[]) => {
    const at = { x: 200, y: 200, data: { items: [], files, dragOperationsMask: 1 } };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await devtools.send("Input.dispatchDragEvent", { type, ...at });
    }
  };
  await drop([now, ...statements]);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "valid");
  const before = await page.locator("#key").inputValue();
  expect(before).toContain(one.trim());
  await drop(statements);
  await expect(page.locator("#key")).toHaveValue(before);
});

const GAP = JSON.parse(readFileSync(vectorPath("generations.json"), "utf8")) as {
  declarations: { declaration: string }[];
  receipts: { name: string; receipt: string }[];
};
const declared = GAP.declarations[0]?.declaration ?? "";

test("a declared gap is told with its entries, its day and both people, and is no success", async ({
  page,
}) => {
  const watch = await Watch.on(page);
  await page.goto(PAGE);
  const file = join(folder, "demo-2.generation");
  writeFileSync(file, declared);
  await page.locator("#key").fill(vkey);
  await page.locator("#give-file").setInputFiles(file);
  await expect(page.locator("[data-successors]")).toHaveAttribute("data-successors", "1");
  await page.locator("#give-folder").setInputFiles(vectorPath("gap-package"));
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "declared_gap");
  for (const part of ["已声明的缺口", "#20 – #29", "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e01", "22"]) {
    await expect(page.locator("#result .gap")).toContainText(part);
  }
  await expect(page.locator(".transcript")).toContainText("#38");
  await accessible(page);
  const lost = join(folder, "lost.tlog-proof");
  writeFileSync(lost, GAP.receipts.find(({ name }) => name === "lost")?.receipt ?? "");
  await page.locator("#give-file").setInputFiles(lost);
  await expect(page.locator("#result .gap")).toContainText("这条存证记录已丢失");
  await page.locator("#language").click();
  await expect(page.locator("#result .gap")).toContainText("this entry was lost");
  await accessible(page);
  watch.clean();
});

test("a gap that is not declared, or by one person, is refused", async ({ page }) => {
  await page.goto(PAGE);
  const copy = join(folder, "hidden");
  cpSync(vectorPath("gap-package"), copy, { recursive: true });
  const file = join(copy, "generations.jsonl");
  writeFileSync(file, readFileSync(file, "utf8").replace("0e01 ", "0e02 "));
  await give(page, `${vkey}\n${declared}`, "#give-folder", copy);
  await expect(page.locator(VERDICT)).toHaveAttribute("data-verdict", "false_declaration");
  await expect(page.locator("#result")).toContainText("23");
  await expect(page.locator(".transcript")).toHaveCount(0);
});
