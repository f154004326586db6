/** The connection, with sockets and answers made here: what a network, a server and a clock can do to it. */
import { beforeEach, expect, test, vi } from "vitest";
import type { Health, Proof } from "../src/link";
import type { Line } from "../src/wire";

const { Keep } = await import("../src/keep");
const { Link, PAGE } = await import("../src/link");

class FakeSocket {
  onmessage: ((event: { data: string }) => void) | undefined;
  onclose: (() => void) | undefined;
  isClosed = false;

  constructor(readonly address: string) {
    sockets.push(this);
  }

  send(): void {}

  close(): void {
    this.isClosed = true;
  }

  tell(line: object): void {
    this.onmessage?.({ data: JSON.stringify(line) });
  }
}

interface Asked {
  path: string;
  body: { token?: string; identity?: unknown };
  bearer: string | undefined;
  answer(status: number, body?: unknown, headers?: Record<string, string>): Promise<void>;
  fail(): Promise<void>;
}

let sockets: FakeSocket[] = [];
let asked: Asked[] = [];
let lines: Line[] = [];
let health: Health = "idle";
let cursor: number | undefined;

const settled = () => vi.advanceTimersByTimeAsync(0);
const live = { type: "live", cursor: null };
const last = <T>(list: T[]): T => {
  const found = list.at(-1);
  if (found === undefined) throw new Error("nothing there");
  return found;
};

function link(proof?: Proof) {
  const keep = new Keep("a", false);
  const made = new Link("https://chat.example/w", keep, {
    line: (line) => void lines.push(line),
    health: (now) => void (health = now),
    cursor: () => cursor,
  });
  made.identify(proof, {}, "zh-CN");
  return { keep, link: made };
}

/** Gives the visit that is asked for. */
async function visited(token: string): Promise<void> {
  expect(last(asked).path).toBe("visits");
  await last(asked).answer(201, { token });
}

/** A link whose socket is live. */
async function open(proof?: Proof) {
  const made = link(proof);
  made.link.start();
  await settled();
  await visited("t1");
  last(sockets).tell(live);
  return made;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllTimers();
  vi.spyOn(AbortSignal, "timeout").mockImplementation((after) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), after);
    return controller.signal;
  });
  vi.setSystemTime(1_800_000_000_000);
  [sockets, asked, lines, health, cursor] = [[], [], [], "idle", undefined];
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  });
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    return new Promise<Response>((done, failed) => {
      init.signal?.addEventListener("abort", () => failed(new DOMException("", "AbortError")));
      asked.push({
        path: address.replace("https://chat.example/w/", ""),
        body: typeof init.body === "string" ? (JSON.parse(init.body) as Asked["body"]) : {},
        bearer: (init.headers as Record<string, string>)["authorization"],
        answer: async (status, body, headers) => {
          const isStream = body instanceof ReadableStream;
          done(
            new Response(isStream ? body : JSON.stringify(body ?? {}), { status, headers: headers ?? {} }),
          );
          await settled();
        },
        fail: async () => {
          failed(new TypeError("network"));
          await settled();
        },
      });
    });
  });
});

test("the first connection begins with the newest page, a later one from the cursor", async () => {
  await open();
  expect(last(sockets).address).toBe(`wss://chat.example/w/socket?newest=${PAGE}`);
  cursor = 7;
  last(sockets).onclose?.();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(last(sockets).address).toBe("wss://chat.example/w/socket?after=7");
});

test("two that ask at once are one visitor", async () => {
  const { link: one } = link();
  one.start();
  const text = one.text("receipts/1");
  await settled();
  expect(asked.map(({ path }) => path)).toEqual(["visits"]);
  await visited("t1");
  expect(asked.map(({ path }) => path)).toEqual(["visits", "receipts/1"]);
  await last(asked).answer(200, "proof");
  expect(await text).toBe('"proof"');
});

test("an answer that comes after somebody logged out is nobody's", async () => {
  const { keep, link: one } = link({ id: "cust-1", time: 1, proof: "p" });
  one.start();
  const text = one.text("receipts/1").catch(() => "gone");
  await settled();
  const late = last(asked);
  one.stop();
  keep.forget();
  one.identify(undefined, {}, "zh-CN");
  one.start();
  await settled();
  await late.answer(201, { token: "the former person's" });
  expect(keep.now.token).toBeUndefined();
  expect(await text).toBe("gone");
  await visited("mine");
  expect(keep.now.token).toBe("mine");
  expect(last(asked).body.token).toBeUndefined();
});

test("a token that the server's clock calls too old is renewed as the same visitor, on the stream, too", async () => {
  const { keep, link: one } = await open();
  const text = one.text("receipts/1");
  await settled();
  await last(asked).answer(401, { code: "stale_signature" });
  expect(last(asked).path).toBe("visits");
  expect(last(asked).body.token).toBe("t1");
  await visited("t2");
  expect(last(asked).bearer).toBe("Bearer t2");
  await last(asked).answer(200, "proof");
  await text;
  expect(keep.now.token).toBe("t2");
});

test("a token that can't be read any more is given up, and the visit begins anew", async () => {
  const { keep, link: one } = link();
  keep.set({ token: "of a former secret", since: 0 });
  one.start();
  await settled();
  expect(last(asked).body.token).toBe("of a former secret");
  await last(asked).answer(401, { code: "bad_signature" });
  expect(last(asked).body.token).toBeUndefined();
  await visited("t1");
  expect(sockets).toHaveLength(1);
});

test("a clock that is set back or forward renews the token and nothing worse", async () => {
  const { link: one } = await open();
  vi.setSystemTime(1_800_000_000_000 - 24 * 3_600_000);
  void one.text("receipts/1").catch(() => {});
  await settled();
  expect(last(asked).path).toBe("visits");
});

test("a proof that grew old ends the attempts until the page says again who is there; a function is asked", async () => {
  const { link: one } = link({ id: "cust-1", time: 1, proof: "old" });
  one.start();
  await settled();
  await last(asked).answer(401, { code: "stale_signature" });
  expect(health).toBe("expired");
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked).toHaveLength(1);
  let fetched = 0;
  const fresh = () => Promise.resolve({ id: "cust-1", time: ++fetched, proof: "fresh" });
  one.identify(fresh, {}, "zh-CN");
  one.start();
  await settled();
  expect(last(asked).body.identity).toEqual({ id: "cust-1", time: 1, proof: "fresh" });
  await visited("t1");
  last(sockets).tell(live);
  expect(health).toBe("live");
  vi.setSystemTime(Date.now() + 51 * 60_000);
  last(sockets).onclose?.();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(last(asked).body.identity).toEqual({ id: "cust-1", time: 2, proof: "fresh" });
});

test("a visit that nobody answers is broken off and asked for again, one at a time", async () => {
  const { link: one } = link();
  one.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBeGreaterThan(2);
  expect(asked.length).toBeLessThan(8);
  expect(sockets).toEqual([]);
});

test("a machine that slept has no connection, whatever its browser believes", async () => {
  await open();
  const before = last(sockets);
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(before.isClosed).toBe(true);
  expect(health).toBe("connecting");
});

test("a connection that died without a word is noticed although nobody says anything, and one that lives is kept", async () => {
  await open();
  const before = last(sockets);
  for (let beats = 0; beats < 10; beats += 1) {
    await vi.advanceTimersByTimeAsync(20_000);
    before.tell({ type: "alive" });
  }
  expect(before.isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(before.isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(before.isClosed).toBe(true);
  expect(health).toBe("connecting");
});

test("an answer that never comes is given up, and one that is to be asked for later is", async () => {
  const { link: one } = await open();
  const never = one.text("receipts/1").catch((error: Error) => error.name);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(await never).toBe("AbortError");
  const later = one.text("receipts/2");
  await settled();
  await last(asked).answer(503, { code: "unavailable" }, { "retry-after": "2" });
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(1_900);
  expect(asked).toHaveLength(before);
  await vi.advanceTimersByTimeAsync(200);
  await last(asked).answer(200, "proof");
  expect(await later).toBe('"proof"');
});

test("a stream that breaks off is begun again at once, and sockets get another chance", async () => {
  const { link: one } = link();
  one.start();
  await settled();
  await visited("t1");
  for (const failures of [1, 2]) {
    expect(sockets).toHaveLength(failures);
    last(sockets).onclose?.();
    await vi.advanceTimersByTimeAsync(3_000);
  }
  expect(last(asked).path).toBe(`events?newest=${PAGE}`);
  let pipe: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (pipe = given) });
  await last(asked).answer(200, body);
  pipe?.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(live)}\n\n`));
  await settled();
  expect(health).toBe("live");
  pipe?.error(new TypeError("network"));
  await settled();
  expect(health).toBe("connecting");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(sockets).toHaveLength(3);
});

test("a pause that a proxy asks for in its own way is no reason to ask without one", async () => {
  const { link: one } = link();
  one.start();
  await settled();
  for (const after of ["Wed, 21 Oct 2026 07:28:00 GMT", "0", "-1"]) {
    const before = asked.length;
    await last(asked).answer(503, {}, { "retry-after": after });
    await vi.advanceTimersByTimeAsync(100);
    expect(asked, after).toHaveLength(before);
    // Answered as soon as it is asked: a pause is chance, and an attempt that waits is given up by itself.
    await vi.waitFor(() => expect(asked, after).toHaveLength(before + 1), { timeout: 30_000, interval: 50 });
  }
});
