/** A log that lost entries and goes on behind a declared gap, as a customer meets it who kept receipts from before. */
import { join } from "node:path";
import { vectorJson, vectorText } from "../verifier/tests/vectors";
import { accessible, Watch } from "./eyes";
import { expect, test } from "./harness";

test.use({ wish: { name: "widget-gap" } });

const PICTURES = process.env.LWW_PICTURES;
const kept = await vectorJson<{
  declarations: { name: string; declaration: string }[];
  receipts: { name: string; receipt: string }[];
}>("generations.json");
const first = (await vectorText("vkey")).trim();
const declaration = kept.declarations[0]?.declaration ?? "";
const second =
  declaration
    .split("\n")
    .find((line) => line.startsWith("new "))
    ?.slice(4) ?? "";
const receipt = (name: string) => ({
  name: `${name}.tlog-proof`,
  mimeType: "text/plain",
  buffer: Buffer.from(kept.receipts.find((row) => row.name === name)?.receipt ?? ""),
});

for (const [language, size] of [
  ["zh-CN", { width: 1280, height: 800 }],
  ["en", { width: 390, height: 844 }],
] as const) {
  test(`receipts from before, in and behind a gap are told apart in plain words, and a false gap is refused (${language})`, async ({
    page,
    server,
  }) => {
    const isChinese = language === "zh-CN";
    const watch = await Watch.on(page);
    await page.setViewportSize(size);
    const told = { vkey: first, generations: [] as string[] };
    const base = `${server.base}${server.channel}`;
    await page.route(`${base}/vkey`, (route) => route.fulfill({ body: told.vkey }));
    await page.route(`${base}/rotations`, (route) => route.fulfill({ json: [] }));
    await page.route(`${base}/generations`, (route) => route.fulfill({ json: told.generations }));
    await page.goto(`${server.base}/demo/`);
    await page.getByRole("button", { name: "打开在线客服" }).click();
    if (!isChinese) await page.getByRole("button", { name: "Switch to English" }).click();
    await page.getByRole("button", { name: isChinese ? "存证回执" : "Receipts" }).click();
    const verdict = page.locator(".receipts > .verdict:not(.all)");
    const check = async (name: string, says: string, look: string) => {
      await page.locator("#lww-file").setInputFiles(receipt(name));
      await expect(verdict).toContainText(says);
      await expect(verdict).toHaveClass(new RegExp(`verdict ${look}$`));
    };
    const [valid, lost, other, invalid] = isChinese
      ? ["核验通过", "该条存证记录永久丢失", "核验公钥与首次所见不同", "核验未通过"]
      : ["Verified: entry", "has lost this entry for good", "not the one first seen", "Not verified"];

    // Before: the key is seen for the first time, and receipts are good.
    await check("kept-in-the-old-tree", valid, "good");
    await check("lost", valid, "good");
    // The log goes on behind a gap.
    Object.assign(told, { vkey: second, generations: [declaration] });
    for (const name of ["kept-in-the-old-tree", "kept-in-the-new-tree", "behind-the-gap"]) {
      await check(name, valid, "good");
    }
    await check("lost", lost, "lost");
    await accessible(page);
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `widget-gap-${language}.png`) });
    await check("of-another-history", invalid, "bad");
    await check("signed-beyond-what-is-admitted", invalid, "bad");
    // Nobody declares it, or somebody does who may not.
    for (const generations of [[], ["words"], [declaration.replace("\nreason ", "\nreason not_")]]) {
      Object.assign(told, { generations });
      await check("behind-the-gap", other, "bad");
    }
    watch.clean();
  });
}
