/** The auditor's guide, done as it is written: a proof downloaded from the page, verified by `lww-verify` and by hand. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Visitor } from "./console-people";
import { PROGRAM, expect, test } from "./harness";

test.use({ wish: { name: "auditor-guide" } });

const GUIDE = readFileSync(resolve(import.meta.dirname, "../../docs/auditor.md"), "utf8");
const VERIFIER = join(dirname(PROGRAM), "lww-verify");
const TOOLS = ["jq", "xxd", "openssl"];

/** The shell commands of a section, as they stand there. */
function commands(heading: string): string {
  const section = GUIDE.slice(GUIDE.indexOf(`\n## ${heading}`));
  return /```sh\n([\s\S]*?)```/.exec(section)?.[1] ?? "";
}

test("a proof downloaded from the ledger's page holds for lww-verify and by hand, and a changed one for neither", async ({
  page,
  context,
  server,
}) => {
  const customer = await Visitor.come(server);
  await customer.say("我的卡号是6222021234567890128");
  const index = (await customer.heard())[0]?.index ?? 0;
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/ledger/${index}`);
  await expect(page.locator('[data-test="verdict"]')).toHaveAttribute("data-verdict", "valid");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "下载证明" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`${index}.tlog-proof`);

  const folder = mkdtempSync(join(tmpdir(), "lww-guide-"));
  const [proof, vkey, bad] = ["proof.tlog-proof", "vkey", "bad.tlog-proof"].map((name) => join(folder, name));
  if (!proof || !vkey || !bad) throw new Error("three paths");
  await download.saveAs(proof);
  writeFileSync(vkey, server.lww("ledger", "vkey", "--tenant", "demo"));
  const verify = (file: string) => spawnSync(VERIFIER, ["proof", "--vkey", vkey, file], { encoding: "utf8" });
  expect(verify(proof)).toMatchObject({ status: 0, stdout: expect.stringContaining("VALID") });

  // Another entry of the same log than the one that is signed for at this place.
  const text = readFileSync(proof, "utf8");
  writeFileSync(bad, text.replace(`index ${index}`, `index ${index - 1}`));
  expect(verify(bad).status).toBe(13);

  const missing = TOOLS.filter((tool) => spawnSync("which", [tool]).status !== 0);
  test.skip(missing.length > 0, `by hand needs ${missing.join(", ")}`);
  const byHand = (file: string) =>
    execFileSync("bash", ["-c", byHandSteps().replace(/R=\S+; V=\S+/, `R=${file}; V=${vkey}`)], {
      encoding: "utf8",
      cwd: folder,
    });
  const roots = (said: string) => [...said.matchAll(/root +([0-9a-f]{64})/g)].map((found) => found[1]);
  const said = byHand(proof);
  expect(said).toContain("Signature Verified Successfully");
  expect(roots(said)).toHaveLength(2);
  expect(new Set(roots(said)).size).toBe(1);
  expect(new Set(roots(byHand(bad))).size).toBe(2);
  rmSync(folder, { recursive: true });
});

/** Those that a proof without an opened text allows: the first four. */
function byHandSteps(): string {
  const all = commands("By hand");
  expect(all).toContain("# 5. ");
  return all.slice(0, all.indexOf("# 5. "));
}
