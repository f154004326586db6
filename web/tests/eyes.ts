/** What every page of ours is looked at for: breaches of its own policy, errors, and what bars people from using it. */
import { type Page, expect } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Found {
  id: string;
  impact: string;
  help: string;
  nodes: { target: unknown[] }[];
}

/** What went wrong in a page since it was watched. */
export class Watch {
  readonly #found: string[] = [];

  private constructor() {}

  /** Watches a page from before its first load on. */
  static async on(page: Page): Promise<Watch> {
    const watch = new Watch();
    await page.exposeFunction("lwwViolation", (told: string) => watch.#found.push(told));
    await page.addInitScript(() => {
      document.addEventListener(
        "securitypolicyviolation",
        ({ violatedDirective, blockedURI, sourceFile }) => {
          const tell = (window as unknown as { lwwViolation(told: string): void }).lwwViolation;
          tell(`${violatedDirective}: ${blockedURI} (${sourceFile})`);
        },
      );
    });
    page.on("pageerror", (error) => watch.#found.push(`error: ${error.message}`));
    return watch;
  }

  /** The page kept to its policy, and nothing in it failed. */
  clean(): void {
    expect(this.#found).toEqual([]);
  }
}

/** Fails where axe finds something serious. */
export async function accessible(page: Page, within?: string): Promise<void> {
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
