/** Customers in large numbers, over the web channel's API as any app would use it. */
import { Agent, request } from "node:http";
import type { Server, Wish } from "../tests/harness";

/** Requests under way at a time while they come. */
const AT_ONCE = 64;
const LOOK_MS = 5;
/** Messages that may be under way beside a measurement: a server that falls behind is not buried, the rate says so. */
const UNDER_WAY_MAX = 500;

/** A connection that was idle for so long is not used again: the server may be about to close it. */
const IDLE_MS = 4_000;

/** One address and one account stand for thousands here: no limit for them, and little in the log. */
export const UNLIMITED: Wish = {
  httpKeys:
    "address_requests_per_s = 1000000\nvisitor_requests_per_s = 1000000\nstaff_requests_per_s = 1000000\n\n" +
    '[log]\nlevel = "warn"',
};

const TEXTS = [
  "你好,我想问一下信用卡账单的还款日是哪一天,这个月可以延后几天吗?谢谢。",
  "我的卡号是6222 0212 3456 7890 128,手机号138 0013 8000,帮我查一下。",
  "Hello, I would like to know whether the transfer limit can be raised for one day.",
  "手机银行登录之后一直转圈,重装了也不行,帮我看看是什么原因。",
];

/** Visitors who have each begun a conversation. */
export class Crowd {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  readonly #tokens: string[] = [];
  #said = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Lets so many more come. */
  async grow(count: number): Promise<void> {
    let coming = count;
    const come = async () => {
      while (coming-- > 0) {
        const token = await this.#visit();
        await this.#say(token);
        this.#tokens.push(token);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, come));
  }

  /** They speak in turn, on schedule while the server keeps up, until the work is done; messages recorded a second meanwhile. */
  async during(rate: number, work: () => Promise<void>): Promise<number> {
    const began = performance.now();
    const underWay = new Set<Promise<void>>();
    let [due, turn, recorded] = [0, 0, 0];
    let failure: unknown;
    const say = () => {
      const said: Promise<void> = this.#say(this.#tokens[turn++ % this.#tokens.length] ?? "")
        .then(() => void (recorded += 1))
        .catch((error: unknown) => void (failure ??= error))
        .finally(() => underWay.delete(said));
      underWay.add(said);
    };
    const timer = setInterval(() => {
      const now = ((performance.now() - began) / 1_000) * rate;
      for (; due < now; due += 1) if (underWay.size < UNDER_WAY_MAX) say();
    }, LOOK_MS);
    await work().finally(() => clearInterval(timer));
    const reached = recorded / ((performance.now() - began) / 1_000);
    await Promise.all(underWay);
    if (failure !== undefined) throw failure;
    return reached;
  }

  async #visit(): Promise<string> {
    return (JSON.parse(await this.#post("visits", {})) as { token: string }).token;
  }

  async #say(token: string): Promise<void> {
    const text = TEXTS[this.#said++ % TEXTS.length];
    await this.#post("frames", { type: "send", key: crypto.randomUUID(), text }, token);
  }

  /** Node's own client: it takes a fifth of the processor that `fetch` takes from what is measured on the same machine. */
  #post(path: string, body: unknown, token?: string): Promise<string> {
    const text = JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const url = `${this.#server.base}${this.#server.channel}/${path}`;
    return new Promise((done, failed) => {
      const asked = request(url, { method: "POST", agent: this.#agent, headers }, (answer) => {
        let told = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (told += part));
        answer.on("error", failed);
        answer.on("end", () => {
          if (answer.statusCode === 200 || answer.statusCode === 201) done(told);
          else failed(new Error(`${path}: ${answer.statusCode} ${told}`));
        });
      });
      asked.on("error", failed);
      asked.end(text);
    });
  }
}
