/**
 * The console in front of 100 and of 10,000 conversations, each begun by a customer of its own over the API:
 * its first load with an empty cache, and its list scrolled from one end to the other.
 */
import type { Browser, Page } from "@playwright/test";
import { type Server, type Staff, test, until } from "../tests/harness";
import { Crowd, UNLIMITED } from "./crowd";
import { line, ms, percentile } from "./figures";

test.use({ wish: { name: "bench-inbox", ...UNLIMITED } });

const FEW = 100;
const MANY = 10_000;
const LOADS = 20;
const KB_GOAL = 300;
/** How far the list moves with each frame: sixteen of its rows. */
const STEP_PX = 16 * 76;
/** So many frames lead past 10,000 rows, and up and down through 100. */
const FRAMES = MANY / 16;
const PATIENCE_MS = 60_000;
/** A frame of a screen with 60 a second. */
const FRAME_MS = 1_000 / 60;

test("first load and list", async ({ browser, server }) => {
  const crowd = new Crowd(server);
  for (const count of [FEW, MANY]) {
    await (await server.login("agent")).present();
    await crowd.grow(count === FEW ? FEW : MANY - FEW);
    await firstLoads(browser, server, count);
    await list(browser, server, count);
  }
});

/** Time to interactive: a row is there and answers a click; beside it the demo page, whose one button answers. */
async function firstLoads(browser: Browser, server: Server, count: number): Promise<void> {
  const agent = await server.login("agent");
  await until("the agent to hold some", async () => (await agent.conversations("assigned")).length > 0);
  const inbox: number[] = [];
  const plain: number[] = [];
  let scripts = { count: 0, bytes: 0 };
  for (let turn = 0; turn < LOADS; turn += 1) {
    plain.push((await load(browser, server, agent, PLAIN)).at);
    const { at, ...loaded } = await load(browser, server, agent, INBOX);
    inbox.push(at);
    scripts = loaded;
  }
  const kb = scripts.bytes / 1_000;
  line(
    `console, first load, ${count} there`,
    `${kb.toFixed(0)} KB packed in ${scripts.count} scripts (goal ${KB_GOAL}: ${((100 * kb) / KB_GOAL).toFixed(0)} %)`,
    `interactive p50 ${ms(percentile(inbox, 0.5))}  p95 ${ms(percentile(inbox, 0.95))}`,
    `${LOADS} loads, empty cache`,
  );
  line(
    "  demo page, widget's button",
    `interactive p50 ${ms(percentile(plain, 0.5))}  p95 ${ms(percentile(plain, 0.95))}`,
    `console / demo page: ${(percentile(inbox, 0.5) / percentile(plain, 0.5)).toFixed(1)}x`,
  );
}

/** What is clicked as soon as it is there, and what shows that it reacted; both perhaps within a shadow root. */
interface Goal {
  path: string;
  host: string;
  click: string;
  then: string;
}
const INBOX: Goal = {
  path: "/console/inbox",
  host: "",
  click: ".list .row",
  then: ".list .row[aria-current='true']",
};
const PLAIN: Goal = {
  path: "/demo/",
  host: "lww-chat",
  click: ".launch",
  then: ".launch[aria-expanded='true']",
};

/** One load in a browser that knows nothing but the session: milliseconds from the navigation to the frame of the reaction. */
async function load(browser: Browser, server: Server, agent: Staff, goal: Goal) {
  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, agent);
  const page = await context.newPage();
  await page.addInitScript(({ host, click, then }) => {
    const reach = (selector: string, reached: (found: HTMLElement, at: number) => void) => {
      requestAnimationFrame((at) => {
        const root = host === "" ? document : document.querySelector(host)?.shadowRoot;
        const found = root?.querySelector<HTMLElement>(selector);
        if (found) reached(found, at);
        else reach(selector, reached);
      });
    };
    reach(click, (found) => {
      found.click();
      reach(then, (_, at) => Object.assign(window, { lwwInteractive: at }));
    });
  }, goal);
  await page.goto(server.base + goal.path);
  const at = await page.waitForFunction(() => (window as { lwwInteractive?: number }).lwwInteractive);
  const scripts = await page.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .filter((entry) => entry.name.endsWith(".js"))
      .map((entry) => entry.encodedBodySize),
  );
  const loaded = { at: (await at.jsonValue()) ?? NaN, count: scripts.length, bytes: sum(scripts) };
  await context.close();
  return loaded;
}

/** The supervisor's list of everything, moved on with each frame; frames as the page and as the browser's trace saw them. */
async function list(browser: Browser, server: Server, count: number): Promise<void> {
  const context = await browser.newContext({ locale: "zh-CN" });
  await server.enter(context, "supervisor");
  const page = await context.newPage();
  await page.goto(`${server.base}/console/inbox`);
  await page.getByRole("button", { name: "全部", exact: true }).click();
  await page.locator("li[aria-posinset='1']").waitFor();
  await browser.startTracing(page, { categories: ["benchmark", "cc"] });
  const { frames, rows, passed } = await scroll(page, count);
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const { dropped, all } = drops(trace.traceEvents);
  line(
    `list of ${count}`,
    `frame p50 ${ms(percentile(frames, 0.5))}  p95 ${ms(percentile(frames, 0.95))}  worst ${ms(Math.max(...frames))}`,
    `dropped ${((100 * dropped) / all).toFixed(1)} % of ${all}`,
    `at most ${rows} rows in the page`,
    `${passed} passed by`,
    `goal ${ms(FRAME_MS)}`,
  );
  await context.close();
}

/**
 * Down with each frame to the last row, waiting where more has to be loaded; then up and down. Frames that moved count. A list
 * that gives no further row for a minute is no list of all.
 */
function scroll(page: Page, count: number): Promise<{ frames: number[]; rows: number; passed: number }> {
  return page.evaluate(
    ([step, turns, count, patience]) => {
      const box = document.querySelector(".list .scroller");
      if (box === null) throw new Error("there is no list");
      const frames: number[] = [];
      let isMoved = false;
      let [rows, passed, way, before] = [0, 0, 1, performance.now()];
      let further = before;
      return new Promise((done, failed) => {
        const frame = (at: number) => {
          if (isMoved) frames.push(at - before);
          before = at;
          const top = box.scrollTop;
          box.scrollTop += way * step;
          isMoved = box.scrollTop !== top;
          if (!isMoved && passed === count) way = -way;
          const shown = [...box.querySelectorAll("li")];
          rows = Math.max(rows, shown.length);
          const last = Math.max(...shown.map((one) => Number(one.getAttribute("aria-posinset"))));
          if (last > passed) [passed, further] = [last, at];
          if (frames.length >= turns && passed >= count) done({ frames, rows, passed });
          else if (passed < count && at - further > patience)
            failed(new Error(`the list ends at row ${passed}`));
          else requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      });
    },
    [STEP_PX, FRAMES, count, PATIENCE_MS] as const,
  );
}

interface Report {
  state: string;
  layer_tree_host_id: number;
  frame_sequence: number;
}
interface TraceEvent {
  name: string;
  /** The first word is that of newer browsers. */
  args?: { frame_reporter?: Report; chrome_frame_reporter?: Report };
}

/** Of the frames that had something to show, how many never came to the screen. A frame may have several reports. */
function drops(events: TraceEvent[]): { dropped: number; all: number } {
  const frames = new Map<string, boolean>();
  for (const { name, args } of events) {
    const report = args?.frame_reporter ?? args?.chrome_frame_reporter;
    if (name !== "PipelineReporter" || !report || report.state === "STATE_NO_UPDATE_DESIRED") continue;
    const frame = `${report.layer_tree_host_id}/${report.frame_sequence}`;
    frames.set(frame, frames.get(frame) === true || report.state.startsWith("STATE_PRESENTED"));
  }
  const dropped = [...frames.values()].filter((isShown) => !isShown).length;
  return { dropped, all: frames.size };
}

function sum(values: number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
