// Builds what the server embeds: dist/widget.js with its demo page, and dist/console/; each text once more, packed.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { build } from "vite";

const OUT = "dist";
for (const name of readdirSync(OUT).filter((name) => name !== ".gitkeep")) {
    rmSync(join(OUT, name), { recursive: true });
}
for (const part of ["widget", "console"].filter((part) => existsSync(part))) {
    const configs = readdirSync(part).filter((name) => /^vite(\..+)?\.config\.ts$/.test(name));
    for (const config of configs.sort()) {
        await build({ configFile: `${part}/${config}`, root: part, logLevel: "warn" });
    }
}
// The demo bank's page is one; each language fills it in.
const page = readFileSync("widget/demo/page.html", "utf8");
for (const [name, words] of Object.entries(JSON.parse(readFileSync("widget/demo/words.json", "utf8")))) {
    const word = (blank, key) => words[key] ?? fail(`${name} has no word for ${blank}`);
    writeFileSync(join(OUT, "demo", name), page.replace(/\{\{(\w+)\}\}/g, word));
}
for (const name of readdirSync(OUT, { recursive: true }).filter((name) =>
    /\.(js|css|svg|json)$/.test(name),
)) {
    const packed = gzipSync(readFileSync(join(OUT, name)), { level: constants.Z_BEST_COMPRESSION });
    writeFileSync(join(OUT, `${name}.gz`), packed);
}

function fail(why) {
    throw new Error(why);
}
