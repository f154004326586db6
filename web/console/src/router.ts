// The pages: each with the right that shows it. The server decides what each of them may do.

import { createRouter, createWebHistory } from "vue-router";
import type { RouteRecordRaw } from "vue-router";
import { duty, may, recall, session } from "./session";
import type { Right } from "./types";

export interface Page {
  /** Its name in routes, words and icons. */
  name: string;
  path: string;
  right: Right;
  load: () => Promise<unknown>;
}

/** Those that the navigation shows, in its order. */
export const PAGES: Page[] = [
  { name: "inbox", path: "/inbox/:id?", right: "converse", load: () => import("./pages/inbox/inbox.vue") },
  { name: "queues", path: "/queues", right: "supervise", load: () => import("./pages/queues/queues.vue") },
  {
    name: "ledger",
    path: "/ledger/:index?",
    right: "read_ledger",
    load: () => import("./pages/ledger/ledger.vue"),
  },
  {
    name: "policies",
    path: "/policies",
    right: "read_policies",
    load: () => import("./pages/policies/policies.vue"),
  },
  {
    name: "unmaskings",
    path: "/unmaskings",
    right: "read_unmaskings",
    load: () => import("./pages/unmaskings/unmaskings.vue"),
  },
  {
    name: "erasures",
    path: "/erasures",
    right: "erase_subjects",
    load: () => import("./pages/erasures/erasures.vue"),
  },
  {
    name: "accounts",
    path: "/accounts",
    right: "read_accounts",
    load: () => import("./pages/accounts/accounts.vue"),
  },
  { name: "health", path: "/health", right: "read_health", load: () => import("./pages/health/health.vue") },
];

declare module "vue-router" {
  interface RouteMeta {
    /** Whom it is shown to; nothing: everybody who is logged in. */
    right?: Right;
    /** Shown without a session and without the navigation around it. */
    bare?: boolean;
  }
}

const routes: RouteRecordRaw[] = [
  // Leads on to the first page of whoever is logged in, once that is known.
  { path: "/", name: "home", component: () => import("./shell/missing.vue") },
  { path: "/login", name: "login", meta: { bare: true }, component: () => import("./pages/login/login.vue") },
  { path: "/own", name: "own", component: () => import("./pages/own/own.vue") },
  ...PAGES.map(
    ({ name, path, right, load }) => ({ name, path, meta: { right }, component: load }) as RouteRecordRaw,
  ),
  { path: "/:rest(.*)*", name: "missing", component: () => import("./shell/missing.vue") },
];

/** The page that an address of the browser leads to. */
export function pageAt(path: string): Page | undefined {
  const name = path.slice(import.meta.env.BASE_URL.length).split("/")[0];
  return PAGES.find((page) => page.name === name);
}

/** The first page that whoever is logged in may see. */
export function home(): string {
  return PAGES.find((page) => may(page.right))?.name ?? "own";
}

export const router = createRouter({ history: createWebHistory(import.meta.env.BASE_URL), routes });

let isRecalled = false;

router.beforeEach(async (to) => {
  if (!isRecalled) {
    try {
      await recall();
    } catch (error) {
      // Whether anybody is logged in is not known: no page is shown, and no login either.
      session.failure = error;
      return false;
    }
    isRecalled = true;
  }
  const { info } = session;
  if (info === null)
    return to.meta.bare ? true : { name: "login", query: to.path === "/" ? {} : { next: to.fullPath } };
  // Whoever has to show a factor, change the password or set a factor up does that first, and nothing else.
  if (duty(info) !== null)
    return to.name === "login" ? true : { name: "login", query: { next: to.fullPath } };
  if (to.name === "login" || to.name === "home") return { name: home() };
  // Whether the page is one's own to see, the shell decides.
  return true;
});

// A page of an older build is gone once the server was upgraded: the address is loaded anew, once.
router.onError((error, to) => {
  const isGone = /dynamically imported module|Failed to fetch|preload CSS/i.test(String(error));
  const mark = `lww.reloaded:${to.fullPath}`;
  if (isGone && sessionStorage.getItem(mark) === null) {
    sessionStorage.setItem(mark, "1");
    location.assign(router.resolve(to.fullPath).href);
  }
});
router.afterEach((to) => sessionStorage.removeItem(`lww.reloaded:${to.fullPath}`));
