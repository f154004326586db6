/** The login by the bank's own provider: offered to the tenant that has one, and led to the provider. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { accessible } from "./eyes";
import { expect, test } from "./harness";

/** Tells of itself as a provider does, and shows a page where people would log in. */
const provider = createServer((request, response) => {
  const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const told = {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["S256"],
  };
  const isQuestion = request.url?.startsWith("/.well-known/") === true;
  const isAnswer = isQuestion || request.url === "/keys";
  response.setHeader("content-type", isAnswer ? "application/json" : "text/html; charset=utf-8");
  const page = request.url === "/keys" ? JSON.stringify({ keys: [] }) : "<h1>银行统一身份</h1>";
  response.end(isQuestion ? JSON.stringify(told) : page);
});
await new Promise<void>((listening) => provider.listen(0, "127.0.0.1", listening));
const { port } = provider.address() as AddressInfo;
process.env["LWW_TEST_PROVIDER_SECRET"] = "a secret of the provider's client";

test.use({
  wish: {
    name: "console-provider",
    tenantKeys:
      `[tenant.oidc]\nissuer = "http://127.0.0.1:${port}"\nclient_id = "lww"\n` +
      'client_secret = "secret://env/LWW_TEST_PROVIDER_SECRET"\npublic_url = "http://127.0.0.1:1"\n',
  },
});
test.afterAll(() => provider.close());

test("a tenant with a provider offers it, and the way leads to the provider's own page", async ({
  page,
  server,
}) => {
  await page.goto(`${server.base}/console/login`);
  const way = page.getByRole("link", { name: "使用银行统一身份登录" });
  await expect(way).toBeVisible();
  await accessible(page);
  // Another tenant is asked about as soon as it is named, and has none.
  await page.getByLabel("租户").fill("other");
  await expect(way).toHaveCount(0);
  await page.getByLabel("租户").fill("demo");
  await way.click();
  await expect(page.getByRole("heading", { name: "银行统一身份" })).toBeVisible();
  const asked = new URL(page.url());
  expect(asked.pathname).toBe("/auth");
  expect(asked.searchParams.get("client_id")).toBe("lww");
  expect(asked.searchParams.get("code_challenge_method")).toBe("S256");
  expect(asked.searchParams.get("redirect_uri")).toBe("http://127.0.0.1:1/api/v1/session/oidc/demo/callback");
});
