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

/** What went wrong in a page, or in any page of a context, since it was watched. */
export class Watch {
  readonly #found: string[] = [];

  private constructor() {}

  /** Watches from before the first load on. */
  static async on(seen: Page | BrowserContext): Promise<Watch> {
    const watch = new Watch();
    await seen.exposeFunction("lwwViolation", (told: string) => watch.#found.push(told));
    await seen.addInitScript(() => {
      document.addEventListener(
        "securitypolicyviolation",
        ({ violatedDirective, blockedURI, sourceFile }) => {
          const tell = (window as unknown as { lwwViolation(told: string): void }).lwwViolation;
          tell(`${violatedDirective}: ${blockedURI} (${sourceFile})`);
        },
      );
    });
    const failed = (error: Error) => watch.#found.push(`error: ${error.message}`);
    if ("pages" in seen) seen.on("weberror", (error) => failed(error.error()));
    else seen.on("pageerror", failed);
    return watch;
  }

  /** Everything kept to its policy, and nothing failed. */
  clean(where?: string): void {
    expect(this.#found, where).toEqual([]);
  }
}

/** Fails where axe finds something serious. */
export async function accessible(page: Page, within?: string): Promise<void> {
  // What moves is judged once it stands.
  await page.waitForTimeout(400);
  // Not as an element of the page: its policy would not let it in.
  await page.evaluate(AXE);
  const found = await page.evaluate(async (within) => {
    const axe = (window as unknown as { axe: { run(at: unknown): Promise<{ violations: Found[] }> } }).axe;
    return (await axe.run(within ?? document)).violations;
  }, within);
  const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    serious.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes.map(({ target }) => target))}`),
  ).toEqual([]);
}
