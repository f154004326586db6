/**
 * A real server for browser tests: `lww run` with a configuration, data and PostgreSQL of its own, ended by its process id.
 * Its accounts have their final passwords, and its demo tenant the web channel account `widget`.
 */
import { test as base, type BrowserContext } from "@playwright/test";
import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Watch } from "./eyes";

export { expect } from "@playwright/test";

/** The demo tenant's logins, one a role. */
export const ROLES = ["agent", "supervisor", "compliance", "auditor", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Account {
  tenant: string;
  login: string;
  password: string;
}

/** What a test file may ask of its server, beside the defaults. Files with the same wish may share one server. */
export interface Wish {
  /** Any word that no other file has: the file gets a server of its own. */
  name?: string;
  /** Lines that the demo tenant's section gets besides. */
  tenantKeys?: string;
  /** Lines that the section `[http]` gets besides. */
  httpKeys?: string;
  /** Lines that the channel account `widget` gets besides. */
  widgetKeys?: string;
  /** The routing table that the demo tenant begins with. */
  routing?: string;
  /** Sections that the configuration gets besides. */
  sections?: string;
}

const TENANT = "demo";
/** What the folders of all servers that run at once may need together. */
const ROOM_BYTES = 4 * 2 ** 30;
const COOKIE = "lww_session";
/** The secret of both channel accounts, 32 bytes. */
const SECRET = "0123456789abcdef0123456789abcdef";
const ROOT = resolve(import.meta.dirname, "../..");
/** The server that is tested; `lww-verify` stands beside it. */
export const PROGRAM =
  process.env.LWW ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/lww");

/** In memory where there is room: to make a database's thousand files on a disk takes a second of a core. */
function room(): string {
  const shared = "/dev/shm";
  if (!existsSync(shared)) return tmpdir();
  const { bavail, bsize } = statfsSync(shared);
  return bavail * bsize > ROOM_BYTES ? shared : tmpdir();
}

interface Said {
  http: string;
  https: string;
  accounts: Account[];
}

/** A second server on the first one's database, which stands by until that one is gone. It has no bank page of its own. */
export class Second {
  readonly base: string;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, said: Said) {
    this.#child = child;
    this.base = said.http;
  }

  async stop(): Promise<void> {
    await end(this.#child, "SIGTERM");
  }
}

/** A server that runs. */
export class Server {
  /** Where it is served over plain HTTP: `http://127.0.0.1:…`, the same over restarts. */
  readonly base: string;
  /** Where it is served over HTTPS, with a development certificate. */
  readonly https: string;
  /** Each role's account with its final password. */
  readonly accounts: Record<Role, Account>;
  /** The path of the web channel account. */
  readonly channel = `/api/v1/channels/web/${TENANT}/widget`;
  readonly #folder: string;
  #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess, said: Said, accounts: Record<Role, Account>) {
    this.#folder = folder;
    this.#child = child;
    this.base = said.http;
    this.https = said.https;
    this.accounts = accounts;
  }

  /** Starts one and gives each account its final password. */
  static async start(wish: Wish = {}): Promise<Server> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: cargo build --bin lww`);
    const folder = mkdtempSync(join(room(), "lww-web-"));
    chmodSync(folder, 0o755); // As root, PostgreSQL's account passes through.
    writeFileSync(join(folder, "secret"), SECRET, { mode: 0o600 });
    configure(folder, wish, "127.0.0.1:0", "127.0.0.1:0");
    const { child, said } = await launch(folder);
    configure(folder, wish, new URL(said.http).host, `127.0.0.1:${new URL(said.https).port}`);
    const settled = said.accounts.map(async (account) => [account.login, await settle(said.http, account)]);
    const accounts = Object.fromEntries(await Promise.all(settled)) as Record<Role, Account>;
    return new Server(folder, child, said, accounts);
  }

  /** Logs somebody in, at the other server if that one is named. */
  async login(who: Role | Account, base = this.base): Promise<Staff> {
    return Staff.login(base, typeof who === "string" ? this.accounts[who] : who);
  }

  /** Makes one more account, an agent if nothing else is said, with a final password; only agents have a capacity. */
  async hire(login: string, capacity: number, role: Role = "agent"): Promise<Account> {
    const admin = await this.login("admin");
    const body = { login, name: login, role, ...(role === "agent" ? { capacity } : {}) };
    const { password } = await admin.ask<{ password: string }>("POST", "/api/v1/admin/accounts", body);
    return settle(this.base, { tenant: TENANT, login, password });
  }

  /** Logs somebody in, unless they are, and gives the session to a browser. */
  async enter(context: BrowserContext, who: Role | Account | Staff): Promise<Staff> {
    const staff = who instanceof Staff ? who : await this.login(who);
    await context.addCookies([
      { name: COOKIE, value: staff.token, url: this.base, httpOnly: true, sameSite: "Strict" },
    ]);
    return staff;
  }

  /** Stops the server in order; while it is away, its addresses refuse connections. */
  async stop(): Promise<void> {
    await end(this.#child, "SIGTERM");
  }

  /** Kills the server as a power cut would. Its PostgreSQL is taken over by the next start. */
  async kill(): Promise<void> {
    await end(this.#child, "SIGKILL");
  }

  /** Starts it again at the same addresses, with the same data. */
  async startAgain(): Promise<void> {
    this.#child = (await launch(this.#folder)).child;
  }

  /** Starts another one beside it, on its PostgreSQL, with its keys. */
  async second(): Promise<Second> {
    const data = join(this.#folder, "data");
    const postmaster = readFileSync(join(data, "pg/postmaster.pid"), "utf8").split("\n");
    const socket = encodeURIComponent(postmaster[4] ?? "");
    const node = join(this.#folder, "second");
    const text = readFileSync(join(this.#folder, "lww.toml"), "utf8")
      .replace(/^data_dir = .*$/m, `data_dir = "${node}"`)
      .replace(
        /^keys_dir = .*$/m,
        (keys) =>
          `${keys}\ndatabase_url = "postgresql://lww_app@${socket}:${postmaster[3]}/lww"\n` +
          `database_password = "secret://file${data}/database-secrets/postgres-app.password"`,
      )
      .replace(/^((?:trial_)?listen) = .*$/gm, '$1 = "127.0.0.1:0"')
      .replace(/^demo = true$/m, `policy = "${ROOT}/policies/masking/cn-retail.yaml"`);
    writeFileSync(join(this.#folder, "second.toml"), text);
    const { child, said } = await launch(this.#folder, ["--config", "second.toml", "--adopt-head"], 503);
    return new Second(child, said);
  }

  /** Stops it and starts it again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.startAgain();
  }

  /** Runs a command of the server's program on its configuration. */
  lww(...command: string[]): string {
    return execFileSync(PROGRAM, [...command, "--config", join(this.#folder, "lww.toml")], {
      encoding: "utf8",
      stdio: "pipe", // What it says of a failure is in the error that is thrown.
    });
  }

  /**
   * Lets failed logins have been so much longer ago, as the owner of the tables: the server counts pauses from there. Its rules
   * and its clock are those of every day.
   */
  passes(seconds: number): void {
    const data = join(this.#folder, "data");
    const socket = readFileSync(join(data, "pg/postmaster.pid"), "utf8").split("\n")[4] ?? "";
    const password = readFileSync(join(data, "database-secrets/postgres-owner.password"), "utf8").trim();
    const sql =
      "SELECT set_config('app.tenant', id::text, false) FROM tenant WHERE name = 'demo';" +
      `UPDATE login_failure SET last = last - ${seconds * 1_000_000}`;
    execFileSync(
      "psql",
      ["-qv", "ON_ERROR_STOP=1", "-h", socket, "-U", "lww_owner", "-d", "lww", "-c", sql],
      {
        env: { ...process.env, PGPASSWORD: password },
      },
    );
  }

  /** The proof of a customer's identity as the bank's own server makes it. */
  identity(id: string): { id: string; time: number; proof: string } {
    const time = Math.floor(Date.now() / 1000);
    const proof = createHmac("sha256", SECRET).update(`lww-identity/1\nwidget\n${time}\n${id}`).digest("hex");
    return { id, time, proof };
  }

  /** Ends everything and removes its folder. */
  async end(): Promise<void> {
    await this.stop();
    const postmaster = join(this.#folder, "data/pg/postmaster.pid");
    if (existsSync(postmaster)) {
      process.kill(Number(readFileSync(postmaster, "utf8").split("\n")[0]), "SIGQUIT");
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/** Somebody of the bank's staff, over the API. */
export class Staff {
  readonly #base: string;
  readonly token: string;

  private constructor(base: string, token: string) {
    this.#base = base;
    this.token = token;
  }

  static async login(base: string, { tenant, login, password }: Account): Promise<Staff> {
    const answer = await send(base, "POST", "/api/v1/session", { tenant, login, password });
    if (answer.status !== 201) throw new Error(`${login} can't log in: ${await answer.text()}`);
    return new Staff(base, tokenOf(answer));
  }

  /** The same person by the session that an answer began in place of this one. */
  renewed(answer: Response): Staff {
    return new Staff(this.#base, tokenOf(answer));
  }

  /** Asks, and fails unless it is answered. */
  async ask<T = unknown>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
    const answer = await this.send(method, path, body, key);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Asks, and gives back whatever is answered. */
  async send(method: string, path: string, body?: unknown, key?: string): Promise<Response> {
    return send(this.#base, method, path, body, {
      cookie: `${COOKIE}=${this.token}`,
      ...(key === undefined ? {} : { "idempotency-key": key }),
    });
  }

  /** Takes conversations from here on, or no more. */
  async present(online = true): Promise<void> {
    await this.ask("PUT", "/api/v1/agent/presence", { online });
  }

  /** The conversations in a state, newest last. */
  async conversations(state: string): Promise<{ id: string }[]> {
    const path = `/api/v1/agent/conversations?state=${state}&limit=200`;
    return (await this.ask<{ conversations: { id: string }[] }>("GET", path)).conversations;
  }

  /** Waits until the person has been given a conversation: before, it is not theirs to see. */
  async gets(conversation: string): Promise<void> {
    await until("the conversation to be given", async () =>
      (await this.conversations("assigned")).some((one) => one.id === conversation),
    );
  }

  /** Says something to a customer. */
  async reply(conversation: string, text: string): Promise<void> {
    const path = `/api/v1/agent/conversations/${conversation}/messages`;
    await this.ask("POST", path, { text }, crypto.randomUUID());
  }
}

function tokenOf(answer: Response): string {
  const cookie = answer.headers.get("set-cookie") ?? "";
  return cookie.slice(cookie.indexOf("=") + 1).split(";")[0] ?? "";
}

/**
 * A test with a server that all tests of its file share: `test.use({ wish: { name: "inbox" } })` asks for an own one.
 * Whatever its browser opens is watched: a breach of a page's policy or an error in its console fails the test.
 */
export const test = base.extend<{ watched: void }, { wish: Wish; server: Server }>({
  watched: [
    async ({ browser }, use) => {
      const watches: Watch[] = [];
      const open = browser.newContext.bind(browser);
      browser.newContext = async (...options) => {
        const context = await open(...options);
        watches.push(await Watch.on(context));
        return context;
      };
      await use();
      browser.newContext = open;
      watches.forEach((watch) => watch.clean());
    },
    { auto: true },
  ],
  wish: [{}, { option: true, scope: "worker" }],
  server: [
    async ({ wish }, use) => {
      const server = await Server.start(wish);
      await use(server);
      await server.end();
    },
    { scope: "worker", timeout: 120_000 },
  ],
});

/** Asks again until it is so; fails after a minute. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

function configure(folder: string, wish: Wish, http: string, https: string): void {
  const channel = (name: string, account: string, more: string) =>
    `\n[[tenant.channel]]\nchannel = "${name}"\naccount = "${account}"\nkey_id = "${account}"\n` +
    `secret = "secret://file${folder}/secret"\n${more}`;
  const table = join(folder, "routing.yaml");
  if (wish.routing !== undefined) writeFileSync(table, wish.routing);
  const routing = wish.routing === undefined ? "" : `routing = "${table}"\n`;
  const widget = `identities = "customers"\n${wish.widgetKeys ?? ""}`;
  const text =
    `name = "lww.test"\ndata_dir = "${folder}/data"\nkeys_dir = "${folder}/keys"\n\n[http]\nlisten = "${https}"\n` +
    `trial_listen = "${http}"\ncerts_dir = "${folder}/certs"\n${wish.httpKeys ?? ""}\n\n[[tenant]]\nname = "${TENANT}"\n` +
    `demo = true\n${routing}${wish.tenantKeys ?? ""}\n${channel("http", "app", "")}${channel("web", "widget", widget)}` +
    (wish.sections ?? "");
  writeFileSync(join(folder, "lww.toml"), text);
}

async function launch(
  folder: string,
  how = ["--config", "lww.toml"],
  ready = 200,
): Promise<{ child: ChildProcess; said: Said }> {
  const child = spawn(PROGRAM, ["run", "--json", ...how], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: folder,
  });
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
  const line = await new Promise<string>((done, failed) => {
    createInterface({ input: child.stdout }).once("line", done);
    child.once("exit", () => failed(new Error(`the server did not start: ${errors}`)));
  });
  const said = JSON.parse(line) as Said;
  await until("the server to be ready", async () => {
    const answer = await fetch(`${said.http}/readyz`).catch(() => undefined);
    return answer?.status === ready;
  });
  return { child, said };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill(signal);
  await ended;
}

/** Changes a one-time password. */
async function settle(base: string, account: Account): Promise<Account> {
  const staff = await Staff.login(base, account);
  const password = `a longer password of ${account.login}`;
  await staff.ask("POST", "/api/v1/session/password", { old: account.password, new: password });
  return { ...account, password };
}

function send(
  base: string,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(base + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
}
