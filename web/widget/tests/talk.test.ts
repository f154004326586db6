/** What is said and where it stands, without a page: frames out, lines in. */
import { beforeEach, expect, test, vi } from "vitest";
import type { Ear } from "../src/link";
import type { Frame, Line } from "../src/wire";

const sent: Frame[] = [];
let ear: Ear;
let isLive = false;

vi.mock("../src/link", () => ({
  Link: class {
    constructor(_base: string, _keep: unknown, given: Ear) {
      ear = given;
    }
    start() {}
    stop() {}
    doubt() {}
    identify() {}
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
  vi.stubGlobal("sessionStorage", store());
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
  const accepted = (key: string, index: number): Line => ({
    type: "accepted",
    key,
    index,
    text: "",
    conversation: "c",
    receipt: null,
  });
  ear.line(accepted(keys[0] ?? "", 1));
  expect(sends().map((frame) => frame.key)).toEqual(keys);
  ear.line(accepted(keys[1] ?? "", 2));
  expect(after.pending).toEqual([]);
  expect(talk().pending).toEqual([]);
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
