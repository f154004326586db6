// Who is logged in. The server decides what is allowed; this says what is shown.

import { computed, reactive } from "vue";
import { Problem, call, onLapse } from "./api";
import type { Right, Role, SessionInfo } from "./types";

export const session = reactive({
  /** Whoever is logged in; `null`: nobody. */
  info: null as SessionInfo | null,
  /** The session ended while a page was open: whoever it was logs in again over it, and nothing typed is lost. */
  lapsed: false,
  /** Why it could not be found out who is logged in, at the start. */
  failure: null as unknown,
});

const DEFAULT_ZONE = "Asia/Shanghai";

/** The time zone of the tenant. */
export const zone = computed(() => session.info?.time_zone ?? DEFAULT_ZONE);

/** What comes before anything else. */
export type Duty = "factor" | "password" | "enrol" | null;

export function duty(info: SessionInfo): Duty {
  if (info.second_factor_required) return "factor";
  if (info.must_change_password) return "password";
  return info.must_enrol_second_factor ? "enrol" : null;
}

// For a server that doesn't tell rights; a newer one does.
const RIGHTS: Record<Role, Right[]> = {
  agent: ["converse", "own_account", "unmask", "read_unmaskings"],
  supervisor: [
    "converse",
    "supervise",
    "own_account",
    "approve",
    "erase_subjects",
    "read_policies",
    "read_health",
    "unmask",
    "read_unmaskings",
  ],
  compliance: [
    "read_ledger",
    "own_account",
    "approve",
    "erase_subjects",
    "hold_subjects",
    "read_policies",
    "read_health",
    "read_unmaskings",
  ],
  auditor: ["read_ledger", "own_account", "read_accounts", "read_policies", "read_health", "read_unmaskings"],
  admin: ["read_ledger", "own_account", "read_accounts", "manage_accounts", "read_policies", "read_health"],
};

export function may(right: Right): boolean {
  const { info } = session;
  return info !== null && (info.rights ?? RIGHTS[info.role]).includes(right);
}

let asking: Promise<SessionInfo | null> | null = null;

/** Asks who is logged in; once for all who want to know at the same time. */
export function recall(): Promise<SessionInfo | null> {
  asking ??= askWho().finally(() => (asking = null));
  return asking;
}

async function askWho(): Promise<SessionInfo | null> {
  try {
    session.info = await call<SessionInfo>("GET", "/session");
  } catch (error) {
    // Whoever was there stays until they log in again: their page is only hidden meanwhile.
    if (!(error instanceof Problem) || error.status !== 401) throw error;
  }
  return session.info;
}

/** Who logged in by this page, for the login that follows a change of the password. Never the password. */
let who: { tenant: string; name: string } | null = null;

export async function login(tenant: string, name: string, password: string): Promise<SessionInfo> {
  const info = await call<SessionInfo>("POST", "/session", { body: { tenant, login: name, password } });
  who = { tenant, name };
  return entered(info);
}

/** Logs in with a password that was just set, which ended every session. `false`: whoever it is does so by hand. */
export async function loginAnew(password: string): Promise<boolean> {
  if (who === null) return false;
  return login(who.tenant, who.name, password).then(
    () => true,
    () => false,
  );
}

export async function showFactor(code: string): Promise<SessionInfo> {
  return entered(await call<SessionInfo>("POST", "/session/second-factor", { body: { code } }));
}

let enteredAt = 0;

/** Takes over who logged in; somebody else than before gets a page without anything of the one before. */
function entered(info: SessionInfo): SessionInfo {
  const before = session.lapsed ? session.info : null;
  if (before && before.account !== info.account) location.replace(import.meta.env.BASE_URL);
  session.info = info;
  enteredAt = performance.now();
  if (duty(info) === null) session.lapsed = false;
  return info;
}

const leavers = new Set<(account: string) => void>();

/** Calls `leave` when somebody logs out: what is kept in this browser for them goes. */
export function onLogout(leave: (account: string) => void): void {
  leavers.add(leave);
}

export async function logout(): Promise<void> {
  const account = session.info?.account;
  await call("DELETE", "/session").catch((error: unknown) => {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
  });
  if (account !== undefined) leavers.forEach((leave) => leave(account));
  forget();
}

/** Nobody is logged in here any more. */
export function forget(): void {
  session.info = null;
  session.lapsed = false;
}

onLapse((askedAt) => {
  // A late answer to a session before says nothing of this one.
  if (session.info !== null && askedAt > enteredAt) session.lapsed = true;
});
