/** What every page of ours is looked at for: breaches of its own policy, errors, and what bars people from using it. */
import { type BrowserContext, type Page, expect } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Found {
  id: string;
  impact: string;
  help: string;
  nodes: { target: unknown[] }[];
}

/** Chromium writes each answer of 400 and more to the console; those of the API are told on the page, which tests look at. */
const REFUSED = /^Failed to load resource: the server responded/;
/** A server that tests stop, and a network that they cut. */
const UNREACHED = /^Failed to load resource: net::ERR_|^WebSocket connection to .* failed/;

/** What went wrong in the pages of a context since it was watched. The harness watches each test's contexts by itself. */
export class Watch {
  static readonly #all = new WeakMap<BrowserContext, Promise<Watch>>();
  readonly #found: string[] = [];

  private constructor() {}

  /** Watches from before the first load on; a context that is watched already keeps its one. */
  static on(seen: Page | BrowserContext): Promise<Watch> {
    const context = "pages" in seen ? seen : seen.context();
    const known = Watch.#all.get(context) ?? Watch.#begin(context);
    Watch.#all.set(context, known);
    return known;
  }

  static async #begin(context: BrowserContext): Promise<Watch> {
    const watch = new Watch();
    context.on("weberror", (error) => watch.#found.push(`error: ${error.error().message}`));
    context.on("console", (said) => {
      const isRefusal = REFUSED.test(said.text()) && said.location().url.includes("/api/");
      if (said.type() === "error" && !isRefusal && !UNREACHED.test(said.text()))
        watch.#found.push(`console: ${said.text()} (${said.location().url})`);
    });
    await context.exposeFunction("lwwViolation", (told: string) => watch.#found.push(told));
    await context.addInitScript(() => {
      document.addEventListener(
        "securitypolicyviolation",
        ({ violatedDirective, blockedURI, sourceFile }) => {
          const tell = (window as unknown as { lwwViolation(told: string): void }).lwwViolation;
          tell(`${violatedDirective}: ${blockedURI} (${sourceFile})`);
        },
      );
    });
    return watch;
  }

  /** What a test provoked on purpose is not counted: it must have come, and more than once is the same. */
  provoked(what: RegExp): void {
    const others = this.#found.filter((told) => !what.test(told));
    expect(others.length, `nothing was told of ${what}`).toBeLessThan(this.#found.length);
    this.#found.splice(0, this.#found.length, ...others);
  }

  /** Everything kept to its policy, and nothing failed. */
  clean(where?: string): void {
    expect(this.#found, where).toEqual([]);
  }
}

/** Fails where axe finds something serious, by all of its rules or by those named. */
export async function accessible(page: Page, within?: string, rules?: string[]): Promise<void> {
  // What moves is judged where it comes to stand. An end may begin the next: a colour that is inherited moves after its parent's.
  // The page hears of another colour scheme by an event, and changes with the frame after it.
  await page.evaluate(async () => {
    const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await frames();
    for (let round = 0; round < 10 && document.getAnimations().length > 0; round += 1) {
      for (const one of document.getAnimations()) {
        if (one.effect?.getComputedTiming().endTime === Infinity) one.cancel();
        else one.finish();
      }
      await frames();
    }
  });
  // Not as an element of the page: its policy would not let it in.
  await page.evaluate(AXE);
  const only = rules === undefined ? {} : { runOnly: rules };
  const options = { resultTypes: ["violations"], ...only };
  const found = await page.evaluate(
    async ([within, options]) => {
      type Axe = { run(at: unknown, options: object): Promise<{ violations: Found[] }> };
      const { axe } = window as unknown as { axe: Axe };
      return (await axe.run(within ?? document, options)).violations;
    },
    [within, options] as const,
  );
  const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    serious.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes.map(({ target }) => target))}`),
  ).toEqual([]);
}
