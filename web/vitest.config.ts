import { defineConfig } from "vitest/config";

// What runs in a real browser (tests/*.spec.ts) is Playwright's. The bound on time only ends what hangs.
export default defineConfig({
  test: { include: ["{verifier,verify,widget,console}/**/*.test.ts"], testTimeout: 120_000 },
});
