/** What is said and where it stands, without a page: frames out, lines in. */
import { beforeEach, expect, test, vi } from "vitest";
import type { Ear } from "../src/link";
import type { Frame, Line, Said } from "../src/wire";

const sent: Frame[] = [];
/** Answers to what is asked for by address. */
let answers: ((path: string) => Promise<string>) | undefined;
let ear: Ear;
let isLive = false;

vi.mock("../src/link", () => ({
  PAGE: 2,
  Link: class {
    constructor(_base: string, _keep: unknown, given: Ear) {
      ear = given;
    }
    start() {}
    stop() {}
    doubt() {}
    identify() {}
    text(path: string) {
      return answers?.(path) ?? Promise.reject(new Error(path));
    }
    send(frame: Frame) {
      if (isLive) sent.push(frame);
      return isLive;
    }
  },
}));

const { Keep } = await import("../src/keep");
const { Talk } = await import("../src/talk");

function store(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  } as unknown as Storage;
}

function talk() {
  return new Talk("", new Keep("a", false), () => {});
}

function live(): void {
  isLive = true;
  ear.health("live");
}

const sends = () => sent.filter((frame) => frame.type === "send");
const refusal = (key: string | null, code: string): Line => ({
  type: "refused",
  key,
  code,
  detail: "why",
  retry_after_s: 1,
});

beforeEach(() => {
  vi.useFakeTimers();
  sent.length = 0;
  isLive = false;
  answers = undefined;
  vi.stubGlobal("sessionStorage", store());
});

const said = (index: number): Said => ({
  type: "message",
  message: `m${index}`,
  conversation: "c",
  index,
  time: "",
  by: "agent",
  masked: false,
  text: `t${index}`,
});

const own = (index: number, text: string): Said => ({ ...said(index), by: "customer", text });
const accepted = (key: string, index: number): Line => ({
  type: "accepted",
  key,
  index,
  text: "",
  conversation: "c",
  receipt: null,
});

test("what was written offline is sent in its order, one after the other, with the keys that it had", () => {
  const before = talk();
  before.say("one");
  before.say("two");
  const keys = before.pending.map(({ key }) => key);
  // Another load of the page: what was not taken is still there.
  const after = talk();
  live();
  expect(sends().map((frame) => frame.key)).toEqual([keys[0]]);
  ear.line(accepted(keys[0] ?? "", 1));
  expect(sends().map((frame) => frame.key)).toEqual(keys);
  ear.line(accepted(keys[1] ?? "", 2));
  // Each is to be seen once at any time: until its line is here, as one that waits.
  expect(after.waiting().map(({ text }) => text)).toEqual(["one", "two"]);
  ear.line(own(1, "one"));
  expect(after.waiting().map(({ text }) => text)).toEqual(["two"]);
  ear.line(own(2, "two"));
  expect(after.pending).toEqual([]);
  expect(talk().pending).toEqual([]);
});

test("what was recorded while its answer was lost is not seen twice, and what was not is not lost", () => {
  const one = talk();
  one.say("hello");
  live();
  const [key = ""] = one.pending.map(({ key }) => key);
  isLive = false;
  ear.health("connecting");
  // The next connection tells it before it can be sent again.
  ear.line(own(4, "hello"));
  expect(one.waiting()).toEqual([]);
  live();
  expect(sends().map((frame) => frame.key)).toEqual([key, key]);
  ear.line(accepted(key, 4));
  expect(one.pending).toEqual([]);
  // The same words from somewhere else were another message: this one is shown again.
  one.say("hello");
  ear.line(own(7, "hello"));
  expect(one.waiting()).toEqual([]);
  const next = one.pending[0]?.key ?? "";
  ear.line(accepted(next, 8));
  expect(one.waiting()).toHaveLength(1);
  ear.line(own(8, "hello"));
  expect(one.pending).toEqual([]);
  one.say("hello");
  ear.line(own(9, "hello"));
  ear.line(refusal(one.pending[0]?.key ?? "", "invalid_field"));
  expect(one.waiting()).toHaveLength(1);
});

test("older messages that are fetched for their receipts stay out of the log until it is scrolled back", async () => {
  const one = talk();
  for (const index of [7, 9]) ear.line(said(index));
  ear.line({ type: "live", cursor: 9 });
  // One that is not here yet, masked again, comes with its page: alone it would hide those between.
  ear.line({ ...said(3), type: "remasked", again: 9 });
  const asked: string[] = [];
  answers = (path) => {
    asked.push(path);
    return Promise.resolve(JSON.stringify({ events: [1, 3, 4, 5].map(said), next: null }));
  };
  await one.older();
  expect(asked).toEqual(["earlier?before=7&limit=200"]);
  const indexes = (list: Said[]) => list.map(({ index }) => index);
  expect(indexes(one.said())).toEqual([1, 3, 4, 5, 7, 9]);
  expect(indexes(one.shown())).toEqual([7, 9]);
  expect(one.hasEarlier).toBe(true);
  expect(await one.earlier()).toBe(2);
  expect(indexes(one.shown())).toEqual([4, 5, 7, 9]);
  expect(await one.earlier()).toBe(2);
  expect([one.hasEarlier, await one.earlier()]).toEqual([false, 0]);
  expect(asked).toHaveLength(1);
});

test("a refusal for the moment is tried again with the same key, one for good is the customer's to mend", () => {
  const one = talk();
  live();
  one.say("one");
  const key = one.pending[0]?.key ?? "";
  ear.line(refusal(key, "overloaded"));
  expect(sends()).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(sends().map((frame) => frame.key)).toEqual([key, key]);
  ear.line(refusal(key, "invalid_field"));
  expect(one.pending[0]?.refused).toBe("why");
  expect(one.takeBack(key)).toBe("one");
  expect(one.pending).toEqual([]);
});

test("lines that come twice are one message, and a key that broke off is sent again when the link is back", () => {
  const one = talk();
  live();
  one.say("one");
  isLive = false;
  ear.health("connecting");
  live();
  expect(new Set(sends().map((frame) => frame.key)).size).toBe(1);
  expect(sends()).toHaveLength(2);
  const line: Line = {
    type: "message",
    message: "m",
    conversation: "c",
    index: 4,
    time: "",
    by: "agent",
    masked: false,
    text: "hi",
  };
  ear.line(line);
  ear.line(line);
  expect(one.said()).toHaveLength(1);
  expect(one.unread()).toBe(1);
  one.read();
  expect(one.unread()).toBe(0);
});

test("a wish waits for the link, and is forgotten when somebody has the conversation", () => {
  const one = talk();
  const stands = (state: "waiting" | "assigned"): Line => ({
    type: "conversation",
    conversation: "c",
    state,
    marks: null,
    wish: null,
  });
  ear.line(stands("waiting"));
  one.wishes("callback");
  expect(sent).toEqual([]);
  live();
  expect(sent.filter((frame) => frame.type === "wish").map((frame) => frame.wish)).toEqual(["callback"]);
  ear.line(stands("assigned"));
  expect(one.keep.now.wish).toBeUndefined();
});

test("whoever logs out leaves nothing behind", () => {
  const one = talk();
  one.keep.set({ token: "secret", read: 7, size: 2 });
  one.say("mine");
  one.identify(undefined, {}, "zh-CN", false);
  expect(one.keep.now).toMatchObject({ outbox: [], read: -1, size: 2 });
  expect(one.keep.now.token).toBeUndefined();
  expect(talk().pending).toEqual([]);
});

test("earlier messages are fetched page by page, once each, until there are none", async () => {
  const one = talk();
  for (const index of [7, 9]) ear.line(said(index));
  ear.line({ type: "live", cursor: 9 });
  expect(one.hasEarlier).toBe(true);
  const asked: string[] = [];
  answers = (path) => {
    asked.push(path);
    const page = asked.length === 1 ? [said(4), said(5)] : [said(1)];
    return Promise.resolve(JSON.stringify({ events: page, next: asked.length === 1 ? 4 : null }));
  };
  expect(await Promise.all([one.earlier(), one.earlier()])).toEqual([2, 0]);
  expect(await one.earlier()).toBe(1);
  expect(await one.earlier()).toBe(0);
  expect(asked).toEqual(["earlier?before=7&limit=2", "earlier?before=4&limit=2"]);
  expect(one.said().map(({ index }) => index)).toEqual([1, 4, 5, 7, 9]);
  // A later connection tells only what is new; that says nothing of what was before.
  ear.line({ type: "live", cursor: 9 });
  expect(one.hasEarlier).toBe(false);
  expect(ear.cursor()).toBe(9);
});

test("a page that can't be had is asked for again, and one of a former person is not shown", async () => {
  const one = talk();
  for (const index of [7, 9]) ear.line(said(index));
  ear.line({ type: "live", cursor: 9 });
  expect(await one.earlier()).toBe(0);
  expect([one.hasEarlier, one.isPaging]).toEqual([true, false]);
  let come: (text: string) => void = () => {};
  answers = () => new Promise((done) => (come = done));
  const late = one.earlier();
  one.identify(undefined, {}, "zh-CN", false);
  come(JSON.stringify({ events: [said(4)], next: null }));
  expect(await late).toBe(0);
  expect(one.said()).toEqual([]);
});

test("a refusal of something else leaves a wish alone, one of the wish itself ends it", () => {
  const one = talk();
  live();
  ear.line({ type: "conversation", conversation: "c", state: "waiting", marks: null, wish: null });
  one.wishes("callback");
  ear.line(refusal(null, "rate_limited"));
  ear.line(refusal("another", "invalid_field"));
  expect(one.keep.now.wish).toBe("callback");
  const key = () => {
    const frame = sent.filter((frame) => frame.type === "wish").at(-1);
    return frame?.key ?? "";
  };
  ear.line(refusal(key(), "overloaded"));
  vi.advanceTimersByTime(1_000);
  expect(sent.filter((frame) => frame.type === "wish")).toHaveLength(2);
  ear.line(refusal(key(), "invalid_field"));
  expect(one.keep.now.wish).toBeUndefined();
});

test("a clock that is set back neither mutes typing nor takes the way out away", () => {
  vi.setSystemTime(1_800_000_000_000);
  const one = talk();
  live();
  const stands: Line = { type: "conversation", conversation: "c", state: "waiting", marks: null, wish: null };
  ear.line(stands);
  one.types();
  vi.setSystemTime(1_800_000_000_000 - 86_400_000);
  vi.advanceTimersByTime(4_000);
  one.types();
  expect(sent.filter((frame) => frame.type === "typing")).toHaveLength(2);
  ear.line(stands);
  vi.advanceTimersByTime(181_000);
  expect(one.waited()).toBeGreaterThan(180_000);
});

test("storage that is full, forbidden or holds nonsense stops nobody from talking", () => {
  const broken = {
    getItem: () => '{"outbox":7}',
    setItem: () => {
      throw new DOMException("", "QuotaExceededError");
    },
  };
  vi.stubGlobal("sessionStorage", broken);
  for (const round of [1, 2]) {
    const one = talk();
    live();
    one.say(`said ${round}`);
    expect(one.pending).toHaveLength(1);
    isLive = false;
    Reflect.deleteProperty(globalThis, "sessionStorage");
    Object.defineProperty(globalThis, "sessionStorage", {
      configurable: true,
      get: () => {
        throw new DOMException("", "SecurityError");
      },
    });
  }
  expect(sends()).toHaveLength(2);
  Reflect.deleteProperty(globalThis, "sessionStorage");
});

test("two tabs of one visitor keep each other's messages, and who logs out in one is out in both", () => {
  vi.stubGlobal("localStorage", store());
  const heard: ((event: { key: string; newValue: string | null }) => void)[] = [];
  vi.stubGlobal("addEventListener", (_: string, hear: (typeof heard)[0]) => heard.push(hear));
  const tab = (gone: () => void) => new Talk("", new Keep("a", true, gone), () => {});
  let out = 0;
  const one = tab(() => {});
  const other = tab(() => (out += 1));
  one.keep.set({ token: "t" });
  other.keep.set({ token: "t" });
  one.say("from one");
  other.say("from the other");
  other.keep.set({ size: 2 });
  const texts = () => tab(() => {}).pending.map(({ text }) => text);
  expect(texts()).toEqual(["from one", "from the other"]);
  one.takeBack(one.pending[0]?.key ?? "");
  live();
  const key = other.pending[0]?.key ?? "";
  ear.line({ type: "accepted", key, index: 1, text: "", conversation: "c", receipt: null });
  const stored = () => localStorage.getItem("lww:a");
  heard[1]?.({ key: "lww:a", newValue: stored() });
  expect(out).toBe(0);
  one.identify(undefined, {}, "zh-CN", false);
  heard[1]?.({ key: "lww:a", newValue: stored() });
  expect(out).toBe(1);
});
