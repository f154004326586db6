/** Each role sees its own pages and no others, by the menu, by address and by the API. */
import { expect, ROLES, type Role, type Staff, test } from "./harness";

test.use({ wish: { name: "roles" } });

/** Every page of the navigation, in its order: its words, and what it asks the server first. */
const PAGES = {
  inbox: ["会话", "/api/v1/agent/conversations"],
  queues: ["排队队列", "/api/v1/agent/queues"],
  ledger: ["存证账本", "/api/v1/ledger/entries"],
  policies: ["脱敏策略", "/api/v1/policies/masking"],
  unmaskings: ["明文查看", "/api/v1/unmaskings"],
  erasures: ["删除与保全", "/api/v1/erasures"],
  accounts: ["坐席与账号", "/api/v1/admin/accounts"],
  health: ["运行状态", "/api/v1/system/health"],
} as const;
type Page = keyof typeof PAGES;

const OPEN: Record<Role, Page[]> = {
  agent: ["inbox", "unmaskings"],
  supervisor: ["inbox", "queues", "policies", "unmaskings", "erasures", "health"],
  compliance: ["ledger", "policies", "unmaskings", "erasures", "health"],
  auditor: ["ledger", "policies", "unmaskings", "accounts", "health"],
  admin: ["ledger", "policies", "accounts", "health"],
};
const NAMES: Record<Role, string> = {
  agent: "客服坐席",
  supervisor: "主管",
  compliance: "合规",
  auditor: "审计",
  admin: "管理员",
};

const NOBODY = "0".repeat(32);
/** What changes something, and who may: the controls of the others' pages don't show it. */
const ACTS: [method: string, path: string, body: object, may: Role[], control: string, on: Page][] = [
  [
    "POST",
    "/api/v1/admin/accounts",
    { login: "x", name: "x", role: "agent" },
    ["admin"],
    "新建账号",
    "accounts",
  ],
  ["POST", `/api/v1/admin/accounts/${NOBODY}/reset`, {}, ["admin"], "批量导入", "accounts"],
  ["POST", `/api/v1/agent/conversations/${NOBODY}/take`, {}, ["supervisor"], "等待中", "inbox"],
  [
    "POST",
    "/api/v1/holds",
    { subject: NOBODY, reason: "litigation" },
    ["compliance"],
    "设置保全",
    "erasures",
  ],
  ["POST", "/api/v1/agent/replies", { title: "x", text: "x" }, ["supervisor"], "全部", "inbox"],
];

/** What a page shows once it stands. */
const READY: Partial<Record<Page, string>> = {
  inbox: ".filters",
  unmaskings: ".empty, [data-test=unmasking]",
  erasures: ".empty, [data-test=erasure]",
};

async function isForbidden(staff: Staff, method: string, path: string, body?: object): Promise<boolean> {
  const answer = await staff.send(method, path, body);
  const { code } = (await answer.json().catch(() => ({}))) as { code?: string };
  expect(answer.status, `${method} ${path}`).not.toBe(401);
  return answer.status === 403 && code === "forbidden";
}

for (const role of ROLES) {
  test(`${role} sees the pages of the role; other addresses are refused in words, and the API refuses what is hidden`, async ({
    page,
    context,
    server,
  }) => {
    const staff = await server.enter(context, role);
    await page.goto(`${server.base}/console/`);
    const links = page.getByRole("navigation", { name: "主导航" }).getByRole("link");
    // What is seen: on a phone's screen the names are shorter.
    await expect(links).toHaveText(
      OPEN[role].map((name) => PAGES[name][0]),
      { useInnerText: true },
    );
    await expect(page).toHaveURL(`${server.base}/console/${OPEN[role][0]}`);
    const content = page.locator("#content");
    const refusal = content.getByRole("heading", { name: "此页不对您的角色开放" });

    for (const [name, [words, path]] of Object.entries(PAGES) as [Page, readonly [string, string]][]) {
      const isOpen = OPEN[role].includes(name);
      await page.goto(`${server.base}/console/${name}`);
      if (isOpen) await expect(links.filter({ hasText: words })).toHaveAttribute("aria-current", "page");
      await expect(refusal).toHaveCount(isOpen ? 0 : 1);
      await expect(content.getByText("页面出错")).toHaveCount(0);
      expect(await isForbidden(staff, "GET", path), `${role} GET ${path}`).toBe(!isOpen);
      if (isOpen) continue;
      await expect(content).toContainText(`您以“${NAMES[role]}”的身份登录`);
      await expect(page).toHaveURL(`${server.base}/console/${name}`);
      await content.getByRole("link", { name: "回到首页" }).click();
      await expect(page).toHaveURL(`${server.base}/console/${OPEN[role][0]}`);
    }

    for (const [method, path, body, may, control, on] of ACTS) {
      expect(await isForbidden(staff, method, path, body), `${role} ${method} ${path}`).toBe(
        !may.includes(role),
      );
      if (!OPEN[role].includes(on)) continue;
      await page.goto(`${server.base}/console/${on}`);
      await expect(content.locator(READY[on] ?? "tbody tr").first()).toBeVisible();
      await expect(
        content.getByRole("button", { name: control, exact: true }),
        `${role} ${control}`,
      ).toHaveCount(may.includes(role) ? 1 : 0);
    }

    await page.goto(`${server.base}/console/nowhere/at/all`);
    await expect(content.getByRole("heading", { name: "没有这个页面" })).toBeVisible();
    // One's own page is everybody's.
    await page.goto(`${server.base}/console/own`);
    await expect(content.getByRole("heading", { name: "我的账号" })).toBeVisible();
  });
}
