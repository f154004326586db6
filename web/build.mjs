// Builds what the server embeds: dist/widget.js with its demo page, and dist/console/; each text once more, packed.
// And dist/verify.html, the auditor's page in one file, which is handed out beside lww-verify.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { build, transformWithEsbuild } from "vite";

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
writeFileSync(join(OUT, "verify.html"), await verifyPage());
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

/** Puts script and style into the page, and their digests into its policy: nothing else runs, and nothing is fetched. */
async function verifyPage() {
    const config = { root: "verify", configFile: false, publicDir: false, logLevel: "warn" };
    const lib = { entry: "main.ts", formats: ["iife"], name: "verify" };
    const [built] = await build({ ...config, build: { write: false, target: "es2022", lib } });
    const script = built.output[0].code.trim();
    const styles = ["console/src/tokens.css", "verify/style.css"].map((name) => readFileSync(name, "utf8"));
    const minified = await transformWithEsbuild(styles.join("\n"), "verify.css", { minify: true });
    const style = minified.code.trim();
    if (/<\/script|<!--/i.test(script) || style.includes("</"))
        throw new Error("verify.html would end early");
    const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    const policy =
        `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; ` +
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    const blanks = { "%POLICY%": policy, "%STYLE%": style, "%SCRIPT%": script };
    return readFileSync("verify/page.html", "utf8").replace(/%[A-Z]+%/g, (blank) => blanks[blank]);
}

function fail(why) {
    throw new Error(why);
}
