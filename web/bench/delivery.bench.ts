/**
 * From a customer's Enter key in the widget until the text is on the agent's screen, alone and beside 500 messages a second of
 * others. Server, load and both pages are on this machine and read one clock.
 */
import type { Browser, Page } from "@playwright/test";
import { expect, type Server, type Staff, test, until } from "../tests/harness";
import { Crowd, UNLIMITED } from "./crowd";
import { line, ms, percentile } from "./figures";

test.use({ wish: { name: "bench-delivery", ...UNLIMITED } });

const SAMPLES = 200;
/** A series ends with as many as it has by then: where each takes seconds, a hundred of them tell as much. */
const SERIES_MS = 60_000;
/** Between what was seen and what is said next: a customer's socket takes ten frames a second for long. */
const PAUSE_MS = 100;
const RATE = 500;
/** The others' desks, and how many conversations each of them holds and has open. */
const DESKS = 10;
const EACH = 40;
const GOAL_MS = 100;

test("from a customer's key to the agent's screen", async ({ browser, server }) => {
  const { customer, agent } = await pair(browser, server);
  const alone = await samples(customer, agent, "a");
  report("customer's key to agent's screen", alone, "nothing else");
  const crowd = new Crowd(server);
  const desks = [];
  for (let turn = 0; turn < DESKS; turn += 1) {
    const desk = await server.login(await server.hire(`desk-${turn}`, EACH));
    await desk.present();
    desks.push(desk);
  }
  await crowd.grow(DESKS * EACH);
  await readAlong(browser, server, desks);
  let loaded: number[] = [];
  const rate = await crowd.during(RATE, async () => {
    loaded = await samples(customer, agent, "b");
  });
  report(
    `  beside ${rate.toFixed(0)} messages/s of others`,
    loaded,
    `${DESKS * EACH} conversations, open at ${DESKS} desks`,
  );
  line("  with the others / alone", `p50 ${(percentile(loaded, 0.5) / percentile(alone, 0.5)).toFixed(1)}x`);
});

function report(name: string, waits: number[], beside: string): void {
  line(
    name,
    `p50 ${ms(percentile(waits, 0.5))}  p99 ${ms(percentile(waits, 0.99))}`,
    `${waits.length} of ${SAMPLES} samples`,
    beside,
    `goal p99 ${ms(GOAL_MS)}`,
  );
}

/** A customer in the widget, and the agent who has them open. */
async function pair(browser: Browser, server: Server): Promise<{ customer: Page; agent: Page }> {
  // Room for nobody else.
  const first = await server.hire("first", 1);
  const desk = await server.login(first);
  await desk.present();
  const customer = await (await browser.newContext({ locale: "zh-CN" })).newPage();
  await customer.goto(`${server.base}/demo/`);
  await customer.getByRole("button", { name: "打开在线客服" }).click();
  await customer.getByRole("textbox").fill("在吗");
  await customer.keyboard.press("Enter");
  const id = await until("the agent to hold it", async () => (await desk.conversations("assigned"))[0]?.id);
  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, first);
  const agent = await context.newPage();
  await agent.goto(`${server.base}/console/inbox/${id}`);
  await expect(agent.locator(".message.theirs")).toHaveCount(1);
  return { customer, agent };
}

/** The others' conversations are open at the desks that hold them: one socket each, in one page. */
async function readAlong(browser: Browser, server: Server, desks: Staff[]): Promise<void> {
  const context = await browser.newContext({ locale: "zh-CN" });
  const page = await context.newPage();
  await page.goto(`${server.base}/demo/`);
  for (const desk of desks) {
    const held = await until("a desk to hold its conversations", async () => {
      const all = await desk.conversations("assigned");
      return all.length === EACH && all;
    });
    // The session counts when the socket is opened.
    await server.enter(context, desk);
    await page.evaluate(
      openAll,
      held.map((one) => one.id),
    );
  }
}

/** In the page of the others: a desk's socket, once it stands, with everything open. */
function openAll(ids: string[]): Promise<void> {
  const socket = new WebSocket(`ws://${location.host}/api/v1/agent/socket`, ["lww.v1"]);
  return new Promise((done, failed) => {
    socket.onerror = () => failed(new Error("a desk's socket did not open"));
    socket.onopen = () => {
      ids.forEach((conversation) => socket.send(JSON.stringify({ type: "open", conversation })));
      done();
    };
  });
}

/** Milliseconds from the key to the frame that shows the text, one message at a time, for a minute at most. */
async function samples(customer: Page, agent: Page, series: string): Promise<number[]> {
  await customer.evaluate(noteKeys);
  await agent.evaluate(noteScreen);
  const box = customer.getByRole("textbox");
  const end = performance.now() + SERIES_MS;
  for (let turn = 0; turn < SAMPLES && performance.now() < end; turn += 1) {
    const text = `第${series}${letters(turn)}句`;
    await box.fill(text);
    await customer.keyboard.press("Enter");
    await agent.waitForFunction((text) => ((window as Noted).lwwNoted?.get(text) ?? 0) > 0, text, {
      polling: PAUSE_MS,
    });
    await customer.waitForTimeout(PAUSE_MS);
  }
  const sent = await customer.evaluate(noted);
  const shown = new Map(await agent.evaluate(noted));
  return sent.flatMap(([text, at]) => {
    const seen = shown.get(text);
    return text.startsWith(`第${series}`) && seen !== undefined ? [seen - at] : [];
  });
}

type Noted = { lwwNoted?: Map<string, number> };

function noted(): [string, number][] {
  return [...((window as Noted).lwwNoted ?? [])];
}

/** In the customer's page: when Enter goes down, and on which text. */
function noteKeys(): void {
  if ((window as Noted).lwwNoted) return;
  const times = ((window as Noted).lwwNoted = new Map<string, number>());
  const key = (event: KeyboardEvent) => {
    const box = event.composedPath()[0];
    if (event.key === "Enter" && box instanceof HTMLTextAreaElement)
      times.set(box.value, performance.timeOrigin + performance.now());
  };
  addEventListener("keydown", key, { capture: true });
}

/** In the agent's page: when the frame is through that first shows a text. */
function noteScreen(): void {
  if ((window as Noted).lwwNoted) return;
  const times = ((window as Noted).lwwNoted = new Map<string, number>());
  const look = () => {
    // Several may come in one frame.
    for (const bubble of [...document.querySelectorAll(".message.theirs .bubble")].slice(-8)) {
      const text = bubble.textContent?.trim() ?? "";
      if (times.has(text)) continue;
      times.set(text, NaN);
      const shown = () => times.set(text, performance.timeOrigin + performance.now());
      requestAnimationFrame(() => setTimeout(shown));
    }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}

/** A number in letters: no masking rule takes it for a telephone's. */
function letters(turn: number): string {
  return [...String(turn)].map((digit) => String.fromCharCode(97 + Number(digit))).join("");
}
