/** A real witness of a real server: what it cosigns, and that it is away, is seen on the card. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, PROGRAM, test } from "./harness";

const folder = mkdtempSync(join(tmpdir(), "lww-witness-"));
const witness = join(folder, "witness");
const policy = join(folder, "policy");

test.use({ wish: { name: "custody-witness", sections: `\n[witness]\npolicy = "${policy}"\n` } });

let child: ChildProcess | undefined;
let address = "";

const lww = (...command: string[]) => execFileSync(PROGRAM, command, { encoding: "utf8", stdio: "pipe" });

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

function start(): void {
  child = spawn(PROGRAM, ["witness", "run", "--dir", witness, "--listen", address], { stdio: "ignore" });
}

async function stop(): Promise<void> {
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise((done) => child?.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

// Before the server, which reads the policy when it starts.
test.beforeAll(async () => {
  address = `127.0.0.1:${await freePort()}`;
  const key = lww("witness", "init", "--dir", witness, "--name", "audit.example/w1").trim();
  writeFileSync(policy, `witness audit ${key} http://${address}\nquorum audit\n`);
});
test.afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

test("a witness that cosigns is all right, one that is away is told, and publishing goes on when it is back", async ({
  page,
  context,
  server,
}) => {
  for (const tenant of ["demo", "system"]) {
    lww("witness", "add-log", "--dir", witness, server.lww("ledger", "vkey", "--tenant", tenant).trim());
  }
  start();
  await server.enter(context, "auditor");
  await page.goto(`${server.base}/console/ledger`);
  const card = page.locator('[data-test="custody"]');
  const audit = card.locator('[data-of="witness"]');
  const published = card.locator('[data-of="published"]');
  await expect(audit).toHaveAttribute("data-level", "good", { timeout: 60_000 });
  await expect(audit).toContainText("另一台机器签名确认");
  await expect(published).toHaveAttribute("data-level", "good");

  await stop();
  await server.login("compliance");
  await expect(audit).toHaveAttribute("data-level", "warn", { timeout: 60_000 });
  await expect(audit).toContainText("它没有应答");
  await expect(published).toHaveAttribute("data-level", "bad", { timeout: 60_000 });
  await expect(published).toContainText("公布停住了");

  start();
  await expect(published).toHaveAttribute("data-level", "good", { timeout: 60_000 });
  await expect(audit).toHaveAttribute("data-level", "good");
});
