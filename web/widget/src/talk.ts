/**
 * What is said and where it stands: messages by their index, those that wait to be taken, the queue, and how far each side
 * has read. It draws nothing; whoever watches is told that something changed.
 */
import { Keep, type Waiting } from "./keep";
import { type Health, Link, PAGE, type Proof } from "./link";
import type { About, Line, Queue, Said, State, Wish } from "./wire";

/** After this long without an answer a connection is doubted, and the message sent again with its key. */
const ANSWER_MS = 10_000;
/** After this long of waiting the customer is shown a way out. */
export const PATIENCE_MS = 180_000;
const TYPING_EVERY_MS = 3_000;
const TYPING_SHOWN_MS = 5_000;
/** What a refusal says that is over by itself. */
const MOMENTARY = [
  "unavailable",
  "overloaded",
  "outcome_unknown",
  "conflict",
  "rate_limited",
  "no_policy",
  "ledger_stopped",
];

/** How many messages the receipts' page asks for at once. */
const RECEIPTS_PAGE = 200;

export interface Pending extends Waiting {
  /** Why it was not taken, for good; the customer decides. */
  refused?: string;
  /** Where it was recorded: it is shown as one that waits until the log's own line of it is here. */
  taken?: number;
  /** A line that is probably of it came before the answer: not shown beside that line. */
  isThere?: boolean;
}

export class Talk {
  readonly keep: Keep;
  readonly link: Link;
  readonly messages = new Map<number, Said>();
  /** Receipts that came with the answers to one's own messages: they can open the original, too. */
  readonly receipts = new Map<number, string>();
  pending: Pending[];
  health: Health = "idle";
  state: State | undefined;
  wish: Wish | null = null;
  queue: Queue | undefined;
  isTyping = false;
  /** Up to which message somebody at the bank has read. */
  readByBank = -1;
  /** Counts the persons who were here. */
  person = 0;
  /** Whether something was said before the oldest message that is here. */
  hasOlder = false;
  /** The page that is on its way. */
  #paging: Promise<number> | undefined;
  /** What is older than this is here for its receipts, and not in the log yet. */
  #from = 0;
  readonly #changed: () => void;
  /** Whether all since the cursor was told once. */
  #isTold = false;
  #newest: number | undefined;
  #wishKey: string | undefined;
  #conversation: string | undefined;
  #inFlight: string | undefined;
  #answer: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #typedAt = -TYPING_EVERY_MS;
  #seen = -1;
  #delivered = -1;

  constructor(base: string, keep: Keep, changed: () => void) {
    this.keep = keep;
    this.#changed = changed;
    this.pending = [...keep.now.outbox];
    this.link = new Link(base, keep, {
      line: (line) => this.#hear(line),
      health: (health) => this.#health(health),
      cursor: () => this.#newest,
    });
  }

  /** Everything in the order of the log. */
  said(): Said[] {
    return [...this.messages.values()].sort((one, other) => one.index - other.index);
  }

  /** What the customer has scrolled back to. */
  shown(): Said[] {
    return this.said().filter(({ index }) => index >= this.#from);
  }

  /** What waits to be on record. */
  waiting(): Pending[] {
    return this.pending.filter(({ isThere }) => !isThere);
  }

  /** Whether something was said before the oldest message that is shown. */
  get hasEarlier(): boolean {
    return this.hasOlder || Math.min(...this.messages.keys()) < this.#from;
  }

  get isPaging(): boolean {
    return this.#paging !== undefined;
  }

  /** How many of the bank's messages were not read yet. */
  unread(): number {
    const read = this.keep.now.read;
    return this.said().filter(({ by, index }) => by !== "customer" && index > read).length;
  }

  /** How long the customer has waited, in milliseconds. */
  waited(): number {
    const { waits } = this.keep.now;
    return this.state === "waiting" && waits !== undefined ? Date.now() - waits.since : 0;
  }

  /** Shows what was said before the oldest message that is shown; says how many messages came. */
  async earlier(): Promise<number> {
    if (this.isPaging) return 0;
    const held = this.said().filter(({ index }) => index < this.#from);
    if (held.length > 0) {
      const page = held.slice(-PAGE);
      this.#from = page[0]?.index ?? 0;
      this.#changed();
      return page.length;
    }
    // What can't be had can be asked for again.
    const came = await this.#page(PAGE).catch(() => 0);
    if (came > 0) this.#from = 0;
    this.#changed();
    return came;
  }

  /** Fetches older messages for their receipts; the log stays as it is. */
  async older(): Promise<void> {
    const first = this.shown()[0]?.index ?? 0;
    const came = await this.#page(RECEIPTS_PAGE);
    if (came > 0) this.#from = Math.max(this.#from, first);
    this.#changed();
  }

  /** One page on its way is enough: whoever asks meanwhile gets the same. */
  #page(limit: number): Promise<number> {
    if (!this.hasOlder) return Promise.resolve(0);
    const paging = (this.#paging ??= this.#fetch(limit).finally(() => {
      if (this.#paging === paging) this.#paging = undefined;
    }));
    this.#changed();
    return paging;
  }

  async #fetch(limit: number): Promise<number> {
    const [person, oldest] = [this.person, Math.min(...this.messages.keys())];
    const text = await this.link.text(`earlier?before=${oldest}&limit=${limit}`);
    if (this.person !== person) return 0;
    const { events, next } = JSON.parse(text) as { events: Said[]; next: number | null };
    for (const said of events) this.messages.set(said.index, said);
    this.hasOlder = next !== null;
    return events.length;
  }

  /** Says something; it is sent when there is a way, as often as needed, and counts once. */
  say(text: string): void {
    const waiting = { key: key(), text, time: Date.now() };
    this.pending.push(waiting);
    this.keep.put(waiting);
    this.link.start();
    this.#flush();
    this.#changed();
  }

  /** The receipt of a message. */
  async receipt(index: number): Promise<string> {
    return this.receipts.get(index) ?? this.link.text(`receipts/${index}`);
  }

  /** Takes a message back that was refused; its text is for whoever wants to write it again. */
  takeBack(key: string): string {
    const found = this.pending.find((message) => message.key === key);
    this.pending = this.pending.filter((message) => message.key !== key);
    this.#changed();
    return found?.text ?? "";
  }

  types(): void {
    // Not by the clock on the wall, which may be set back.
    if (performance.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = performance.now();
    this.link.send({ type: "typing" });
  }

  wishes(wish: Wish): void {
    this.keep.set({ wish });
    this.#wish();
    this.#changed();
  }

  /** Everything so far is in front of the customer's eyes. */
  read(): void {
    const newest = this.#newest ?? -1;
    if (newest > this.keep.now.read) this.keep.set({ read: newest });
    this.#mark();
  }

  /** Somebody is logged in to the page from here on, or nobody any more. */
  identify(proof: Proof | undefined, about: About, language: string, goOn: boolean): void {
    const was = this.health !== "idle";
    this.link.stop();
    if (!goOn) this.keep.forget();
    this.messages.clear();
    this.receipts.clear();
    this.pending = [...this.keep.now.outbox];
    this.person += 1;
    this.#inFlight = this.#newest = this.#wishKey = this.#conversation = undefined;
    this.state = this.queue = undefined;
    this.wish = null;
    this.#isTold = this.hasOlder = false;
    this.#paging = undefined;
    this.#from = 0;
    this.#seen = this.#delivered = this.readByBank = -1;
    this.link.identify(proof, about, language);
    if (was) this.link.start();
    this.#changed();
  }

  #health(health: Health): void {
    this.health = health;
    if (health === "live") {
      // What was said of it may have been lost with the last connection; only what is further is recorded.
      this.#seen = this.#delivered = -1;
      this.#flush();
      this.#wish();
      this.#mark();
    } else {
      this.#inFlight = undefined;
      for (const waiting of this.pending) delete waiting.isThere;
      this.isTyping = false;
      clearTimeout(this.#answer);
    }
    this.#changed();
  }

  #hear(line: Line): void {
    switch (line.type) {
      case "live":
        // Whoever begins with as many as fit may have said more before.
        if (!this.#isTold) this.hasOlder = this.messages.size >= PAGE;
        this.#isTold = true;
        break;
      case "message":
        this.messages.set(line.index, line);
        this.#newest = Math.max(this.#newest ?? -1, line.index);
        if (line.by === "customer") this.#stood(line);
        else this.isTyping = false;
        this.#mark();
        break;
      case "remasked":
        // What was shown before may be shown so from here on; the receipt that came with it opens the older text. A message of
        // a page that isn't here yet comes with that page: alone it would hide those between.
        if (!this.hasOlder || line.index >= Math.min(...this.messages.keys()))
          this.messages.set(line.index, { ...line, type: "message" });
        this.receipts.delete(line.index);
        break;
      case "accepted":
        if (line.receipt !== null) this.receipts.set(line.index, line.receipt);
        this.#taken(line.key, line.index);
        break;
      case "refused":
        this.#refused(line.key, line.code, line.detail, line.retry_after_s);
        break;
      case "conversation":
        this.#stands(line.conversation, line.state, line.wish);
        break;
      case "queue":
        this.queue = line;
        break;
      case "typing":
        this.isTyping = true;
        clearTimeout(this.#typing);
        this.#typing = setTimeout(() => {
          this.isTyping = false;
          this.#changed();
        }, TYPING_SHOWN_MS);
        break;
      case "read":
        this.readByBank = Math.max(this.readByBank, line.until);
        break;
    }
    this.#changed();
  }

  #stands(conversation: string, state: State, wish: Wish | null): void {
    const waits = this.keep.now.waits;
    // A clock that was set back must not make anybody wait for their way out.
    if (state === "waiting" && (waits?.conversation !== conversation || waits.since > Date.now())) {
      this.keep.set({ waits: { conversation, since: Date.now() } });
    }
    if (state !== "waiting") {
      this.queue = undefined;
      if (waits !== undefined) this.keep.set({ waits: undefined });
    }
    // What belonged to another conversation is over.
    if (this.#conversation !== conversation) this.isTyping = false;
    this.#conversation = conversation;
    this.state = state;
    this.wish = wish;
    const wanted = this.keep.now.wish;
    if (wanted !== undefined && (wanted === wish || state !== "waiting")) this.keep.set({ wish: undefined });
  }

  #taken(key: string, index: number): void {
    const isHere = this.messages.has(index);
    this.pending = this.pending.filter((message) => message.key !== key || !isHere);
    for (const message of this.pending) {
      if (message.key !== key) continue;
      message.taken = index;
      delete message.isThere;
    }
    this.keep.drop(key);
    this.#answered(key);
  }

  /** A line of the customer's own: what waits for it is over, and what was sent and not answered is probably what it tells. */
  #stood({ index, text, masked, file }: Said): void {
    this.pending = this.pending.filter((message) => message.taken !== index);
    const first = this.#next();
    // What was read from a file is told by no text that waits.
    if (file) return;
    if (first !== undefined && (masked || first.text === text)) first.isThere = true;
  }

  /** What is sent next. */
  #next(): Pending | undefined {
    return this.pending.find(({ refused, taken }) => refused === undefined && taken === undefined);
  }

  #refused(key: string | null, code: string, detail: string, retryAfterS: number | null): void {
    const message = this.pending.find((message) => message.key === key);
    if (message === undefined) {
      if (key === null || key !== this.#wishKey) return;
      // A wish that can't be had any more is nobody's.
      if (MOMENTARY.includes(code)) setTimeout(() => this.#wish(), (retryAfterS ?? 1) * 1000);
      else this.keep.set({ wish: undefined });
      return;
    }
    delete message.isThere;
    if (MOMENTARY.includes(code)) {
      clearTimeout(this.#answer);
      this.#answer = setTimeout(() => this.#answered(message.key), (retryAfterS ?? 1) * 1000);
      return;
    }
    // It is shown until the page is left, not longer.
    message.refused = detail;
    this.keep.drop(message.key);
    this.#answered(message.key);
  }

  #answered(key: string): void {
    if (this.#inFlight !== key) return;
    clearTimeout(this.#answer);
    this.#inFlight = undefined;
    this.#flush();
  }

  /** One after the other, so that they are recorded in the order in which they were written. */
  #flush(): void {
    if (this.#inFlight !== undefined) return;
    const next = this.#next();
    if (next === undefined || !this.link.send({ type: "send", key: next.key, text: next.text })) return;
    this.#inFlight = next.key;
    this.#answer = setTimeout(() => this.link.doubt(), ANSWER_MS);
  }

  #wish(): void {
    const { wish } = this.keep.now;
    if (wish === undefined || this.state !== "waiting") return;
    this.#wishKey = key();
    this.link.send({ type: "wish", key: this.#wishKey, wish });
  }

  /** Says how far it has got, once for each step. */
  #mark(): void {
    const delivered = this.#newest;
    const read = this.keep.now.read;
    if (delivered === undefined || (delivered <= this.#delivered && read <= this.#seen)) return;
    const frame = read >= 0 ? { delivered, read } : { delivered };
    if (this.#isTold && this.link.send({ type: "seen", ...frame })) {
      this.#delivered = delivered;
      this.#seen = read;
    }
  }
}

/** A key that nobody else has; pages without HTTPS have no `randomUUID`. */
export function key(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
