import { defineConfig } from "@playwright/test";

/** Debian's Chromium; another one by its path in CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: "tests",
  testMatch: "*.spec.ts",
  outputDir: "test-results",
  // Each file has a server of its own; two cores carry two.
  workers: 2,
  // A second try is told as "flaky", not as passed: a machine may stand still for as long as a test waits.
  retries: 1,
  fullyParallel: false,
  forbidOnly: true,
  reporter: process.env.CI === undefined ? "line" : "dot",
  // Only ends what hangs: on a machine that others keep busy a whole test takes ten times as long, its steps wait as below.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    browserName: "chromium",
    launchOptions: {
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    },
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    trace: "retain-on-failure",
  },
});
