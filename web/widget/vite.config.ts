import { defineConfig } from "vite";

/** One script for other people's pages: nothing global but the element, nothing loaded before it is needed. */
export default defineConfig({
  build: {
    outDir: "../dist",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/main.ts", formats: ["iife"], name: "lww", fileName: () => "widget.js" },
  },
});
