import { defineConfig } from "vite";

/** The widget's second file: what verifies receipts, loaded when somebody does. */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../dist/widget",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/receipts.ts", formats: ["es"], fileName: () => "receipts.js" },
  },
});
