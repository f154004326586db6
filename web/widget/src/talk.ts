/**
 * What is said and where it stands: messages by their index, those that wait to be taken, the queue, and how far each side
 * has read. It draws nothing; whoever watches is told that something changed.
 */
import { Keep, type Waiting } from "./keep";
import { type Health, Link } from "./link";
import type { About, Identity, Line, Queue, Said, State, Wish } from "./wire";

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
  /** Whether everything that was said before is here. */
  isComplete = false;
  readonly #changed: () => void;
  #conversation: string | undefined;
  #inFlight: string | undefined;
  #answer: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #typedAt = 0;
  #seen = -1;
  #delivered = -1;

  constructor(base: string, keep: Keep, changed: () => void) {
    this.keep = keep;
    this.#changed = changed;
    this.pending = [...keep.now.outbox];
    this.link = new Link(base, keep, {
      line: (line) => this.#hear(line),
      health: (health) => this.#health(health),
      cursor: () => this.#cursor(),
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

  /** Says something; it is sent when there is a way, as often as needed, and counts once. */
  say(text: string): void {
    this.pending.push({ key: crypto.randomUUID(), text, time: Date.now() });
    this.#write();
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
    this.#write();
    this.#changed();
    return found?.text ?? "";
  }

  types(): void {
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    this.link.send({ type: "typing" });
  }

  wishes(wish: Wish): void {
    this.keep.set({ wish });
    this.#wish();
    this.#changed();
  }

  /** Everything so far is in front of the customer's eyes. */
  read(): void {
    const newest = this.#cursor() ?? -1;
    if (newest > this.keep.now.read) this.keep.set({ read: newest });
    this.#mark();
  }

  /** Somebody is logged in to the page from here on, or nobody any more. */
  identify(identity: Identity | undefined, about: About, language: string, goOn: boolean): void {
    const was = this.health !== "idle";
    this.link.stop();
    if (!goOn) this.keep.forget();
    this.messages.clear();
    this.receipts.clear();
    this.pending = [...this.keep.now.outbox];
    this.#inFlight = undefined;
    this.state = undefined;
    this.#conversation = undefined;
    this.wish = null;
    this.queue = undefined;
    this.isComplete = false;
    this.#seen = this.#delivered = this.readByBank = -1;
    this.link.identify(identity, about, language);
    if (was) this.link.start();
    this.#changed();
  }

  #cursor(): number | undefined {
    return this.messages.size === 0 ? undefined : Math.max(...this.messages.keys());
  }

  #health(health: Health): void {
    this.health = health;
    if (health === "live") {
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
        this.isComplete = true;
        break;
      case "message":
        this.messages.set(line.index, line);
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
    if (state === "waiting" && waits?.conversation !== conversation) {
      this.keep.set({ waits: { conversation, since: Date.now() } });
    }
    if (state !== "waiting") {
      this.queue = undefined;
      if (waits !== undefined) this.keep.set({ waits: { conversation: "", since: 0 } });
    }
    // What belonged to another conversation is over.
    if (this.#conversation !== conversation) this.isTyping = false;
    this.#conversation = conversation;
    this.state = state;
    this.wish = wish;
    const { wish: wanted, ...rest } = this.keep.now;
    if (wanted !== undefined && (wanted === wish || state !== "waiting")) {
      delete (this.keep.now as Partial<typeof rest> & { wish?: Wish }).wish;
      this.keep.set({});
    }
  }

  #taken(key: string): void {
    this.pending = this.pending.filter((message) => message.key !== key);
    this.#write();
    this.#answered(key);
  }

  #refused(key: string | null, code: string, detail: string, retryAfterS: number | null): void {
    const message = this.pending.find((message) => message.key === key);
    if (message === undefined) {
      // A wish, which nobody waits for any more.
      delete this.keep.now.wish;
      this.keep.set({});
      return;
    }
    if (MOMENTARY.includes(code)) {
      clearTimeout(this.#answer);
      this.#answer = setTimeout(() => this.#answered(message.key), (retryAfterS ?? 1) * 1000);
      return;
    }
    message.refused = detail;
    this.#write();
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
    if (wish !== undefined && this.state === "waiting")
      this.link.send({ type: "wish", key: crypto.randomUUID(), wish });
  }

  /** Says how far it has got, once for each step. */
  #mark(): void {
    const delivered = this.#cursor();
    const read = this.keep.now.read;
    if (delivered === undefined || (delivered <= this.#delivered && read <= this.#seen)) return;
    const frame = read >= 0 ? { delivered, read } : { delivered };
    if (this.isComplete && this.link.send({ type: "seen", ...frame })) {
      this.#delivered = delivered;
      this.#seen = read;
    }
  }

  #write(): void {
    // What was refused for good is shown until the page is left, not longer.
    const outbox = this.pending.filter((message) => message.refused === undefined);
    this.keep.set({ outbox: outbox.map(({ key, text, time }) => ({ key, text, time })) });
  }
}
