import { defineConfig } from "@playwright/test";
import tests from "../playwright.config";

/** Measurements in the browser of the tests: one at a time, no second try, and their figures on standard output. */
export default defineConfig({
  ...tests,
  testDir: ".",
  testMatch: "*.bench.ts",
  outputDir: "../test-results",
  workers: 1,
  retries: 0,
  timeout: 600_000,
  reporter: "./reporter.ts",
  use: { ...tests.use, trace: "off" },
});
