/**
 * The connection: a WebSocket, or where none comes through an event stream with frames by POST. It comes again after any
 * close, from the cursor, so that no line is missing; and it knows nothing of what the lines say.
 */
import type { Keep } from "./keep";
import type { About, Accepted, Frame, Identity, Line, Refused } from "./wire";

/** `expired`: the bank's page must say again who is logged in. */
export type Health = "idle" | "connecting" | "live" | "offline" | "expired";

/** Who is logged in, or how to ask the bank's own server for a new proof when a token has to be renewed. */
export type Proof = Identity | (() => Promise<Identity>);

/** A token is renewed before its hour is over. */
const TOKEN_MS = 50 * 60_000;
/** A connection that doesn't tell where it stands by then is none: something between accepts sockets and loses them. */
const OPENING_MS = 10_000;
/** The server says every twenty seconds that it is there. Where nothing is heard for longer there is no connection, whatever
 * the browser believes: a dead one says nothing, and a machine that slept has none. */
const SILENCE_MS = 45_000;
const TICK_MS = 5_000;
/** Longest that a file may take. */
const FILE_MS = 120_000;
/** How often something is asked for again that the server says to come back for. */
const AGAIN_MAX = 5;
/** How many messages a page holds: the newest at first, and earlier ones when they are asked for. */
export const PAGE = 50;
/** Sockets that fail one after the other before the event stream is tried. */
const SOCKET_FAILURES = 2;
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000];

/** What whoever holds the link hears. */
export interface Ear {
  line(line: Line): void;
  health(health: Health): void;
  /** The index to resume after. */
  cursor(): number | undefined;
}

/** A problem that an address answered with. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterS: number | null,
  ) {
    super(code);
  }
}

/** The code of a proof that is too old. */
const STALE = "stale_signature";

/** What belonged to whoever was there before. */
class Gone extends Error {}

export class Link {
  readonly #base: string;
  readonly #keep: Keep;
  readonly #ear: Ear;
  #language = "zh-CN";
  #proof: Proof | undefined;
  #about: About = {};
  #socket: WebSocket | undefined;
  #stream: AbortController | undefined;
  #isLive = false;
  #isWanted = false;
  /** Counts the ways tried: what one that was given up still has to say is not heard. */
  #attempt = 0;
  /** Counts the persons: what was asked for one is not given to the next. */
  #person = 0;
  #renewal: Promise<string> | undefined;
  #failures = 0;
  #socketFailures = 0;
  /** When something was heard last, by the clock on the wall: others stand still while a machine sleeps. */
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(base: string, keep: Keep, ear: Ear) {
    this.#base = base;
    this.#keep = keep;
    this.#ear = ear;
    setInterval(() => {
      // A clock that was set costs a connection and nothing else.
      if (this.#isLive && Math.abs(Date.now() - this.#heard) > SILENCE_MS) this.doubt();
    }, TICK_MS);
    addEventListener("online", () => this.#again(0));
    addEventListener("offline", () => {
      if (!this.#isWanted) return;
      this.#drop();
      this.#ear.health("offline");
    });
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    void this.#connect();
  }

  stop(): void {
    this.#isWanted = false;
    this.#drop();
    this.#ear.health("idle");
  }

  /** Says who is there and begins again. */
  identify(proof: Proof | undefined, about: About, language: string): void {
    this.#person += 1;
    this.#renewal = undefined;
    this.#proof = proof;
    this.#about = about;
    this.#language = language;
    if (proof !== undefined) this.#keep.set({ since: 0 });
  }

  /** Sends a frame, if there is a way at present. */
  send(frame: Frame): boolean {
    if (!this.#isLive) return false;
    if (this.#socket !== undefined) {
      this.#socket.send(JSON.stringify(frame));
    } else {
      void this.#post(frame);
    }
    return true;
  }

  /** Gives the connection up and comes again: nothing was heard when something should have been. */
  doubt(): void {
    this.#drop();
    this.#again();
  }

  /** Text of an address of the visitor's own; asked for again where the server says when to come back. */
  async text(path: string): Promise<string> {
    const person = this.#person;
    for (let again = 0; ; again += 1) {
      try {
        return await (await this.#fetch(path, {})).text();
      } catch (error) {
        if (!(error instanceof Problem) || error.retryAfterS === null || again === AGAIN_MAX) throw error;
        const wait = error.retryAfterS * 1000;
        await new Promise((done) => setTimeout(done, wait));
        if (this.#person !== person) throw new Gone();
      }
    }
  }

  /** A file that the bank sent with a message. */
  async file(message: string): Promise<Blob> {
    const signal = AbortSignal.timeout(FILE_MS);
    return (await this.#fetch(`files?message=${message}`, { signal })).blob();
  }

  /** Sends a file; tells how much of it is on its way, from 0 to 1. The same key counts once. */
  async upload(file: File, key: string, progress: (done: number) => void): Promise<void> {
    const person = this.#person;
    const token = await this.#token();
    if (this.#person !== person) throw new Gone();
    await new Promise<void>((done, failed) => {
      // Only this kind of request tells how far it is.
      const request = new XMLHttpRequest();
      request.open("POST", `${this.#base}/files`);
      request.timeout = FILE_MS;
      request.setRequestHeader("authorization", `Bearer ${token}`);
      request.setRequestHeader("content-type", "application/octet-stream");
      request.setRequestHeader("idempotency-key", key);
      request.setRequestHeader("lww-file-name", encodeURIComponent(file.name.slice(-200)));
      request.upload.onprogress = ({ loaded, total }) => progress(loaded / Math.max(total, 1));
      request.onerror = request.ontimeout = () => failed(new Problem(0, "", "", null));
      request.onload = () => {
        if (request.status < 300) {
          done();
          return;
        }
        if (request.status === 401) this.#keep.set({ since: 0 });
        const told = parsed(request.responseText);
        failed(new Problem(request.status, told.code ?? "", told.detail ?? "", null));
      };
      request.send(file);
    });
  }

  async #connect(): Promise<void> {
    this.#drop();
    if (!this.#isWanted) return;
    if (navigator.onLine === false) {
      this.#ear.health("offline");
      return;
    }
    this.#ear.health("connecting");
    const attempt = this.#attempt;
    this.#expect();
    try {
      const token = await this.#token();
      if (this.#attempt !== attempt) return;
      if (this.#socketFailures < SOCKET_FAILURES) this.#openSocket(token);
      else await this.#openStream();
    } catch (error) {
      if (this.#attempt !== attempt) return;
      if (error instanceof Problem && error.status === 401 && this.#proof !== undefined) {
        this.#expire();
        return;
      }
      // Where no stream comes through either, sockets were not what failed.
      this.#socketFailures = 0;
      this.#drop();
      this.#again(error instanceof Problem ? error.retryAfterS : null);
    }
  }

  /** Nothing more can be done until the page says again who is logged in. */
  #expire(): void {
    this.#isWanted = false;
    this.#drop();
    this.#ear.health("expired");
  }

  /** The visitor's token, renewed where it is old; whoever asks meanwhile gets the same. */
  #token(): Promise<string> {
    const { token, since = 0 } = this.#keep.now;
    // A clock may have been set back, too.
    if (token && Math.abs(Date.now() - since) < TOKEN_MS) return Promise.resolve(token);
    const renewal = (this.#renewal ??= this.#visit(token).finally(() => {
      if (this.#renewal === renewal) this.#renewal = undefined;
    }));
    return renewal;
  }

  async #visit(token: string | undefined): Promise<string> {
    const person = this.#person;
    const about = { language: this.#language.slice(0, 2), ...this.#about };
    const identity = typeof this.#proof === "function" ? await this.#proof() : this.#proof;
    const body = { about, ...(token ? { token } : {}), ...(identity ? { identity } : {}) };
    const answer = await fetch(`${this.#base}/visits`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(OPENING_MS),
    });
    const visit = await checked(answer).then(
      (answer) => answer.json() as Promise<{ token: string }>,
      (error: Problem) => error,
    );
    if (this.#person !== person) throw new Gone();
    if (visit instanceof Problem) {
      // A token that can't be read any more is not kept: the visit begins anew.
      if (visit.status !== 401 || !token || visit.code === STALE) throw visit;
      this.#keep.set({ token: "" });
      return this.#visit(undefined);
    }
    this.#keep.set({ token: visit.token, since: Date.now() });
    return visit.token;
  }

  #after(): string {
    const cursor = this.#ear.cursor();
    return cursor === undefined ? `?newest=${PAGE}` : `?after=${cursor}`;
  }

  #openSocket(token: string): void {
    const address = `${this.#base.replace(/^http/, "ws")}/socket${this.#after()}`;
    const socket = new WebSocket(address, ["lww.v1", `lww.token.${token}`]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#hear(JSON.parse(String(data)) as Line);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      if (!this.#isLive) this.#socketFailures += 1;
      this.doubt();
    };
  }

  async #openStream(): Promise<void> {
    const stream = new AbortController();
    this.#stream = stream;
    const answer = await this.#fetch(`events${this.#after()}`, { signal: stream.signal });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
      if (this.#stream !== stream) return;
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = event.split("\n").find((line) => line.startsWith("data: "));
        if (data !== undefined && this.#stream === stream) this.#hear(JSON.parse(data.slice(6)) as Line);
      }
    }
    // Sockets may come through by now: the next way is one.
    if (this.#isLive) this.#socketFailures = SOCKET_FAILURES - 1;
    this.doubt();
  }

  #hear(line: Line): void {
    this.#heard = Date.now();
    if (line.type === "live") {
      this.#isLive = true;
      this.#failures = 0;
      clearTimeout(this.#watch);
      if (this.#socket !== undefined) this.#socketFailures = 0;
    }
    if (!this.#isLive) this.#expect();
    this.#ear.line(line);
    if (line.type === "live") this.#ear.health("live");
  }

  async #post(frame: Frame): Promise<void> {
    const key = "key" in frame ? frame.key : null;
    const [attempt, person] = [this.#attempt, this.#person];
    try {
      const body = JSON.stringify(frame);
      const headers = { "content-type": "application/json" };
      const answer = await this.#fetch("frames", { method: "POST", headers, body });
      if (answer.status === 204) return;
      const accepted = (await answer.json()) as Accepted;
      if (this.#person === person) this.#ear.line(accepted);
    } catch (error) {
      if (this.#person !== person) return;
      if (!(error instanceof Problem)) {
        if (this.#attempt === attempt) this.doubt();
        return;
      }
      const { code, detail, retryAfterS } = error;
      this.#ear.line({ type: "refused", key, code, detail, retry_after_s: retryAfterS } satisfies Refused);
    }
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const person = this.#person;
    const ask = async () => {
      const headers = { ...init.headers, authorization: `Bearer ${await this.#token()}` };
      if (this.#person !== person) throw new Gone();
      // On a connection that died without a word, an answer would be waited for as long as the page is open.
      const signal = init.signal ?? AbortSignal.timeout(OPENING_MS);
      const answer = await fetch(`${this.#base}/${path}`, { ...init, headers, signal });
      if (this.#person !== person) throw new Gone();
      return answer;
    };
    const answer = await ask();
    if (answer.status !== 401) return checked(answer);
    // The server's clock counts, not this machine's: the token may have run out by it.
    this.#keep.set({ since: 0 });
    return checked(await ask());
  }

  /** The next that a connection tells must come within some time, until it is live. */
  #expect(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      if (this.#socket !== undefined) this.#socketFailures += 1;
      this.doubt();
    }, OPENING_MS);
  }

  #drop(): void {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#isLive = false;
    const [socket, stream] = [this.#socket, this.#stream];
    this.#socket = undefined;
    this.#stream = undefined;
    socket?.close();
    stream?.abort();
  }

  /** Comes again after the usual pause, or later where the server asks for it; `0` is at once. */
  #again(afterS: number | null = null): void {
    if (!this.#isWanted || this.#isLive) return;
    this.#ear.health(navigator.onLine === false ? "offline" : "connecting");
    const usual = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 0;
    this.#failures += 1;
    clearTimeout(this.#timer);
    // Many pages lose one server at the same moment; they shall not all come again at the same moment.
    const pause = afterS === 0 ? 0 : Math.max(usual * (0.5 + Math.random()), (afterS ?? 0) * 1000);
    this.#timer = setTimeout(() => void this.#connect(), pause);
  }
}

function parsed(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text) as { code?: string; detail?: string };
  } catch {
    return {};
  }
}

async function checked(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const told = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
  // A proxy's answer may hold a date there, or nothing.
  const after = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
  throw new Problem(answer.status, told.code ?? "", told.detail ?? "", after > 0 ? after : null);
}
