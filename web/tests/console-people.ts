/** What the console's tests share: customers over the API, codes of a second factor, and what a page must never do. */
import { expect, type Page } from "@playwright/test";
import { createHmac } from "node:crypto";
import type { Account, Role, Server, Staff } from "./harness";

/** A customer who writes by the web channel, without a page. */
export class Visitor {
  readonly #server: Server;
  readonly #token: string;

  private constructor(server: Server, token: string) {
    this.#server = server;
    this.#token = token;
  }

  /** Comes; `about` is what the page says of the conversation, for its routing. */
  static async come(server: Server, about: { language?: string } = {}): Promise<Visitor> {
    const answer = await post(`${server.base}${server.channel}/visits`, { about });
    const { token } = (await answer.json()) as { token: string };
    return new Visitor(server, token);
  }

  /** Says something; gives back the conversation's id. */
  async say(text: string): Promise<string> {
    const answer = await this.#frame({ type: "send", key: crypto.randomUUID(), text });
    expect(answer.status, await answer.clone().text()).toBe(201);
    await answer.text();
    const { conversation } = (await this.heard()).at(-1) as { conversation: string };
    return conversation;
  }

  /** Tells how far it has arrived and been read. */
  async seen(index: number): Promise<void> {
    await this.#frame({ type: "seen", delivered: index, read: index });
  }

  async type(): Promise<void> {
    await this.#frame({ type: "typing" });
  }

  /** Every message so far, oldest first. */
  async heard(): Promise<{ text: string; index: number; from_bank: boolean; conversation: string }[]> {
    const address = `${this.#server.base}${this.#server.channel}/updates?wait_s=0`;
    const answer = await fetch(address, { headers: { authorization: `Bearer ${this.#token}` } });
    type Told = { type: string; text: string; index: number; from_bank: boolean; conversation: string };
    const { events } = (await answer.json()) as { events: Told[] };
    return events.filter((event) => event.type === "message");
  }

  #frame(frame: unknown): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}` };
    return post(`${this.#server.base}${this.#server.channel}/frames`, frame, headers);
  }
}

function post(address: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const all = { "content-type": "application/json", ...headers };
  return fetch(address, { method: "POST", headers: all, body: JSON.stringify(body) });
}

/**
 * The code of an authenticator app at this moment (RFC 6238: SHA-1, six digits, thirty seconds), or so many steps later: a code
 * counts once, and one step early is early enough.
 */
export function codeOf(secret: string, ahead = 0): string {
  const bits = [...secret].map((letter) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const bytes = (bits.join("").match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac("sha1", Buffer.from(bytes)).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Fills in the form of the login page. */
export async function logIn(page: Page, { tenant, login, password }: Account): Promise<void> {
  // Whoever comes back after their session ended keeps the tenant.
  if (await page.getByLabel("租户").isEditable()) await page.getByLabel("租户").fill(tenant);
  await page.getByLabel("登录名").fill(login);
  await page.getByLabel("密码").fill(password);
  await page.getByRole("button", { name: "登录", exact: true }).click();
}

/** Sets a second factor up for somebody, by a session of its own, and gives its secret. */
export async function enrol(server: Server, who: Role | Account): Promise<{ secret: string; staff: Staff }> {
  const staff = await server.login(who);
  const path = "/api/v1/session/second-factor/enrolment";
  const { secret } = await staff.ask<{ secret: string }>("POST", path, {});
  const answer = await staff.send("PUT", path, { code: codeOf(secret) });
  expect(answer.status).toBe(200);
  return { secret, staff: staff.renewed(answer) };
}
