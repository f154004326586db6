// Builds what the server embeds: dist/widget.js with its demo page, and dist/console/.
import { build } from "vite";

for (const part of ["widget", "console"]) {
  await build({ configFile: `${part}/vite.config.ts`, root: part, logLevel: "warn" });
}
