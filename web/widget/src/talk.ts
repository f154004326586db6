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

export interface Pending extends Waiting {
  /** Why it was not taken, for good; the customer decides. */
  refused?: string;
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
  /** Whether something was said before the oldest message that is here. */
  hasEarlier = false;
  isPaging = false;
  readonly #changed: () => void;
  /** Whether all since the cursor was told once. */
  #isTold = false;
  #newest: number | undefined;
  #person = 0;
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

  /** Fetches what was said before the oldest message that is here; says how many messages came. */
  async earlier(): Promise<number> {
    if (this.isPaging || !this.hasEarlier) return 0;
    const [person, oldest] = [this.#person, Math.min(...this.messages.keys())];
    this.isPaging = true;
    this.#changed();
    try {
      const text = await this.link.text(`earlier?before=${oldest}&limit=${PAGE}`);
      if (this.#person !== person) return 0;
      const { events, next } = JSON.parse(text) as { events: Said[]; next: number | null };
      for (const said of events) this.messages.set(said.index, said);
      this.hasEarlier = next !== null;
      return events.length;
    } catch {
      // It can be asked for again.
      return 0;
    } finally {
      if (this.#person === person) this.isPaging = false;
      this.#changed();
    }
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
    this.#person += 1;
    this.#inFlight = this.#newest = this.#wishKey = this.#conversation = undefined;
    this.state = this.queue = undefined;
    this.wish = null;
    this.#isTold = this.hasEarlier = this.isPaging = false;
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
      this.isTyping = false;
      clearTimeout(this.#answer);
    }
    this.#changed();
  }

  #hear(line: Line): void {
    switch (line.type) {
      case "live":
        // Whoever begins with as many as fit may have said more before.
        if (!this.#isTold) this.hasEarlier = this.messages.size >= PAGE;
        this.#isTold = true;
        break;
      case "message":
        this.messages.set(line.index, line);
        this.#newest = Math.max(this.#newest ?? -1, line.index);
        if (line.by !== "customer") this.isTyping = false;
        this.#mark();
        break;
      case "remasked":
        // What was shown before may be shown so from here on; the receipt that came with it opens the older text.
        this.messages.set(line.index, { ...line, type: "message" });
        this.receipts.delete(line.index);
        break;
      case "accepted":
        if (line.receipt !== null) this.receipts.set(line.index, line.receipt);
        this.#taken(line.key);
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

  #taken(key: string): void {
    this.pending = this.pending.filter((message) => message.key !== key);
    this.keep.drop(key);
    this.#answered(key);
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
    const next = this.pending.find((message) => message.refused === undefined);
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
function key(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
