import { defineConfig } from "vitest/config";

// What runs in a real browser (tests/*.spec.ts) is Playwright's.
export default defineConfig({ test: { include: ["{verifier,widget,console}/**/*.test.ts"] } });
