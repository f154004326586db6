/** Every test's browser is watched. Each of these tests does what no page of ours may, and has to fail by that alone. */
import { test } from "./harness";

const HEADERS = { "content-type": "text/html", "content-security-policy": "default-src 'none'" };

test.fail("a test fails by an error of its page", async ({ page }) => {
  await page.evaluate(() => {
    setTimeout(() => {
      throw new Error("on purpose");
    });
    return new Promise((done) => setTimeout(done, 100));
  });
});

test.fail("a test fails by an error in the console of its page", async ({ page }) => {
  await page.evaluate(() => console.error("on purpose"));
});

test.fail(
  "a test fails by a page that breaks its policy, in a context of its own too",
  async ({ browser }) => {
    const page = await browser.newPage();
    const body = '<!doctype html><html lang="en"><body><p style="color: red">red</p></body></html>';
    await page.route("http://bank.test/", (route) => route.fulfill({ headers: HEADERS, body }));
    await page.goto("http://bank.test/");
  },
);

test.fail("a test fails by a file of a page that is missing", async ({ page }) => {
  await page.route("http://bank.test/**", (route) =>
    new URL(route.request().url()).pathname === "/"
      ? route.fulfill({ contentType: "text/html", body: '<!doctype html><script src="gone.js"></script>' })
      : route.fulfill({ status: 404 }),
  );
  await page.goto("http://bank.test/");
});

test("a test whose page does nothing of that passes", async ({ page }) => {
  await page.route("http://bank.test/**", (route) =>
    route.fulfill({ contentType: "text/html", body: "<p>good</p>" }),
  );
  await page.goto("http://bank.test/");
  await page.evaluate(() => console.warn("a warning only"));
});
