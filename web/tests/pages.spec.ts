/** What browsers load: its headers, and that nothing but files comes out. */
import { expect, test } from "./harness";

test("the root leads to the console, and the widget may be loaded by any site", async ({
  request,
  server,
}) => {
  const root = await request.get(`${server.base}/`, { maxRedirects: 0 });
  expect([root.status(), root.headers()["location"]]).toEqual([302, "/console/"]);

  const widget = await request.get(`${server.base}/widget.js`);
  expect(widget.status()).toBe(200);
  const headers = widget.headers();
  expect(headers["content-type"]).toBe("text/javascript; charset=utf-8");
  expect(headers["access-control-allow-origin"]).toBe("*");
  expect(headers["cross-origin-resource-policy"]).toBe("cross-origin");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["content-encoding"]).toBe("gzip");

  const known = { "if-none-match": headers["etag"] ?? "" };
  expect((await request.get(`${server.base}/widget.js`, { headers: known })).status()).toBe(304);
  const plain = await request.get(`${server.base}/widget.js`, { headers: { "accept-encoding": "identity" } });
  expect(plain.headers()["content-encoding"]).toBeUndefined();
});

test("a page keeps its policy when a browser asks whether it changed", async ({ request, server }) => {
  const page = await request.get(`${server.base}/demo/`);
  expect(page.headers()["content-security-policy"]).not.toContain("unsafe");
  const again = await request.get(`${server.base}/demo/`, {
    headers: { "if-none-match": page.headers()["etag"] ?? "" },
  });
  expect(again.status()).toBe(304);
  expect(again.headers()["content-security-policy"]).toBe(page.headers()["content-security-policy"]);
});

test("addresses of no file answer with a problem, and nothing outside the build comes out", async ({
  request,
  server,
}) => {
  for (const path of [
    "/widget/../package.json",
    "/widget/%2e%2e/%2e%2e/Cargo.toml",
    "/demo/none.js",
    "/console/a.js",
  ]) {
    const answer = await request.get(server.base + path);
    expect(answer.status(), path).toBe(404);
    expect(answer.headers()["content-type"], path).toBe("application/problem+json");
    expect(answer.headers()["content-security-policy"], path).toContain("default-src 'none'");
  }
  expect((await request.post(`${server.base}/widget.js`)).status()).toBe(404);
});
