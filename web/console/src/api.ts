// Asks the server. One function, errors by code, and one place that knows whether the server can be reached.

import { reactive } from "vue";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Ask {
  /** What to send as JSON. A change without anything to say sends `{}`. */
  body?: unknown;
  /** A CSV file in place of JSON. */
  csv?: string;
  /** Idempotency-Key: the same key counts once, for ever. */
  key?: string;
  query?: Record<string, string | number | boolean | null | undefined>;
  signal?: AbortSignal;
}

/** What went wrong, by the server's own stable code; `unreachable` and `malformed_answer` are the console's own. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    detail: string,
    readonly retryAfterS: number | null = null,
    readonly field: string | null = null,
    /** The whole problem document, for what only one page asks of it. */
    readonly told: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = "Problem";
  }

  /** Whether the same request with the same key may well succeed later. */
  get passes(): boolean {
    return this.status === 503 || this.status === 429 || this.code === "unreachable";
  }
}

/** Whether the server can be reached, and what the banner says while it can't. */
export const server = reactive({ away: false });

type Listener = (askedAt: number) => void;
const lapsed = new Set<Listener>();

/** Calls `listener` whenever an answer says that nobody is logged in any more, with when that was asked. */
export function onLapse(listener: Listener): void {
  lapsed.add(listener);
}

let language = "zh-CN";

/** Problems are told in the language of the screen. */
export function speak(tag: string): void {
  language = tag;
}

const ROOT = "/api/v1";
const WAIT_MS = 30_000;
const FILE_WAIT_MS = 120_000;

export async function call<T>(method: Method, path: string, ask: Ask = {}): Promise<T> {
  const askedAt = performance.now();
  const response = await reach(method, path, ask);
  if (!response.ok) throw await problem(response, askedAt);
  if (response.status === 204) return undefined as T;
  const isJson = response.headers.get("content-type")?.includes("json");
  return (
    isJson ? await response.json().catch(() => unreadable(response.status)) : await response.text()
  ) as T;
}

/** Sends a file as it is; `progress` hears how much of it is on its way, from 0 to 1. */
export function upload<T>(
  path: string,
  { file, key, progress }: { file: File; key: string; progress: (done: number) => void },
): Promise<T> {
  const askedAt = performance.now();
  return new Promise((done, failed) => {
    // Only this kind of request tells how far it is.
    const request = new XMLHttpRequest();
    request.open("POST", ROOT + path);
    request.timeout = FILE_WAIT_MS;
    request.setRequestHeader("accept-language", language);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("idempotency-key", key);
    request.setRequestHeader("lww-file-name", encodeURIComponent(file.name.slice(-200)));
    request.upload.onprogress = ({ loaded, total }) => progress(loaded / Math.max(total, 1));
    request.onerror = request.ontimeout = () => {
      isAway();
      failed(new Problem("unreachable", 0, ""));
    };
    request.onload = () => {
      const headers = { "retry-after": request.getResponseHeader("retry-after") ?? "" };
      const answer = new Response(request.responseText, { status: request.status, headers });
      if (answer.ok) void answer.json().then((value) => done(value as T), failed);
      else void problem(answer, askedAt).then(failed);
    };
    request.send(file);
  });
}

async function reach(method: Method, path: string, ask: Ask): Promise<Response> {
  const headers = new Headers({ "accept-language": language });
  if (ask.key !== undefined) headers.set("idempotency-key", ask.key);
  let body: string | null = null;
  if (ask.csv !== undefined) {
    headers.set("content-type", "text/csv; charset=utf-8");
    body = ask.csv;
  } else if (method !== "GET") {
    headers.set("content-type", "application/json");
    body = JSON.stringify(ask.body ?? {});
  }
  const own = AbortSignal.timeout(WAIT_MS);
  const signal = ask.signal ? AbortSignal.any([ask.signal, own]) : own;
  const init: RequestInit = { method, headers, body, signal, credentials: "same-origin", cache: "no-store" };
  try {
    const response = await fetch(ROOT + path + search(ask.query), init);
    if (response.status < 502) isBack();
    return response;
  } catch (error) {
    if (ask.signal?.aborted) throw error;
    isAway();
    throw new Problem("unreachable", 0, "");
  }
}

function search(query: Ask["query"]): string {
  const pairs = Object.entries(query ?? {}).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  return pairs.length === 0
    ? ""
    : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

async function problem(response: Response, askedAt: number): Promise<Problem> {
  const told = (await response.json().catch(() => null)) as Record<string, unknown> | null;
  const code = typeof told?.["code"] === "string" ? told["code"] : "malformed_answer";
  const detail = typeof told?.["detail"] === "string" ? told["detail"] : `HTTP ${response.status}`;
  const field = typeof told?.["field"] === "string" ? told["field"] : null;
  const retry = Number(response.headers.get("retry-after") ?? Number.NaN);
  // Something between here and the server answered in its place: the server itself can't be reached.
  if (code === "malformed_answer" && response.status >= 502) isAway();
  if (code === "bad_credentials" && response.url.includes(ROOT) && !isLogin(response))
    lapsed.forEach((tell) => tell(askedAt));
  return new Problem(code, response.status, detail, Number.isFinite(retry) ? retry : null, field, told ?? {});
}

/** A wrong password is no lapse of a session. */
function isLogin(response: Response): boolean {
  return /\/session(\/password)?$/.test(new URL(response.url).pathname);
}

function unreadable(status: number): never {
  throw new Problem("malformed_answer", status, "");
}

/** Notes that the server can't be reached, and asks until it can. */
export function isAway(): void {
  if (server.away) return;
  server.away = true;
  void askUntilBack();
}

function isBack(): void {
  server.away = false;
}

const ASK_AGAIN_MS = 2_000;

async function askUntilBack(): Promise<void> {
  while (server.away) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    const answer = await fetch("/healthz", {
      cache: "no-store",
      signal: AbortSignal.timeout(ASK_AGAIN_MS),
    }).catch(() => null);
    if (answer?.ok) isBack();
  }
}

/** A key of one's own for a message that must count once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
