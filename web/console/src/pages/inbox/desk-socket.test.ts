import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connect, type Line } from "./desk-socket";

/** A connection that does what the test says. */
class Wire {
  static readonly OPEN = 1;
  static made: Wire[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Wire.made.push(this);
  }
  stand(): void {
    this.readyState = Wire.OPEN;
    this.onopen?.();
  }
  say(line: Line): void {
    this.onmessage?.({ data: JSON.stringify(line) });
  }
  close(): void {
    this.readyState = 3;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  Wire.made = [];
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("location", { href: "https://bank.example/console/", protocol: "https:" });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function desk(): { states: boolean[]; close: () => void } {
  const states: boolean[] = [];
  const { close } = connect({ hear: () => undefined, changed: (isOpen) => states.push(isOpen) });
  return { states, close };
}

test("a connection on which nothing is heard is given up and comes again", () => {
  const { states, close } = desk();
  Wire.made[0]?.stand();
  vi.advanceTimersByTime(40_000);
  expect(states).toEqual([true]);
  vi.advanceTimersByTime(20_000);
  expect(states).toEqual([true, false]);
  expect(Wire.made).toHaveLength(2);
  Wire.made[1]?.stand();
  expect(states).toEqual([true, false, true]);
  close();
});

test("a sign of life keeps a silent connection", () => {
  const { states, close } = desk();
  for (let minute = 0; minute < 5; minute += 1) {
    if (minute === 0) Wire.made[0]?.stand();
    for (let third = 0; third < 3; third += 1) {
      vi.advanceTimersByTime(20_000);
      Wire.made[0]?.say({ type: "alive" });
    }
  }
  expect(states).toEqual([true]);
  expect(Wire.made).toHaveLength(1);
  close();
});

test("what a lost connection says late is not heard, and a closed desk listens no more", () => {
  const { states, close } = desk();
  Wire.made[0]?.stand();
  vi.advanceTimersByTime(50_000);
  Wire.made[0]?.onclose?.();
  expect(states).toEqual([true, false]);
  close();
  vi.advanceTimersByTime(120_000);
  expect(states).toEqual([true, false]);
});
