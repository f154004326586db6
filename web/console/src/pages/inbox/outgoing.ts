// Messages and notes on their way to the ledger. Each has a key of its own and is sent with it until the server answers:
// once, in order, also over drops, restarts of the server, and a crash of the browser.

import { reactive, watch } from "vue";
import { Problem, call, newKey } from "../../api";
import { wordsOf } from "../../say";
import { session } from "../../session";
import type { Accepted, Held, Note } from "../../types";
import { kept } from "./kept";
import type { Sending } from "./kept";

export interface Outgoing extends Sending {
  /** `sending`: asked; `waiting`: will be asked again by itself; `refused`: the writer has to decide; `stopped`: too old to go by itself; `held`: the policy holds it until the writer decides how it goes. */
  state: "sending" | "waiting" | "refused" | "stopped" | "held";
  /** Why it was refused, in words. */
  why: string;
  /** What the policy holds it for, with the token that a decision takes. */
  held?: Held;
  /** What its writer decided. */
  word?: SendAs;
}

/** How a held one goes; `again`: its time is over, and it is sent as a new one. */
export interface SendAs {
  send: "masked" | "as_it_is" | "again";
  reason?: string;
}

/** By conversation, oldest first. */
export const outgoing = reactive(new Map<string, Outgoing[]>());

type Taken = (conversation: string, accepted: Accepted | null, note: Note | null, sent: Sending) => void;
let taken: Taken = () => undefined;

/** Calls `listener` with what was recorded, and with nothing when a message was refused. */
export function onTaken(listener: Taken): void {
  taken = listener;
}

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 15_000;
const GOES_BY_ITSELF_MS_MAX = 10 * 60_000;

function keep(conversation: string): void {
  const all = outgoing.get(conversation) ?? [];
  const plain = (some: Outgoing[]) => some.map(({ key, text, isNote, at }) => ({ key, text, isNote, at }));
  kept.keepSending(conversation, plain(all.filter((one) => one.state !== "held")));
  kept.keepHeld(conversation, plain(all.filter((one) => one.state === "held")));
}

export function send(conversation: string, text: string, isNote: boolean): void {
  const one: Outgoing = { key: newKey(), text, isNote, at: Date.now(), state: "sending", why: "" };
  outgoing.set(conversation, [...(outgoing.get(conversation) ?? []), one]);
  keep(conversation);
  void run(conversation);
}

/** Sends a refused or stopped one again, with the same key. */
export function sendAgain(conversation: string, key: string): void {
  const one = find(conversation, key);
  if (one === undefined) return;
  if (one.held !== undefined) renew(one);
  one.state = "sending";
  keep(conversation);
  void run(conversation);
}

/** What was held counts as said under its key: as a new one it takes another. */
function renew(one: Outgoing): void {
  one.key = newKey();
  delete one.held;
  delete one.word;
}

/** Sends a held one as its writer decided. */
export function decide(conversation: string, key: string, word: SendAs): void {
  const one = find(conversation, key);
  if (one?.held === undefined) return;
  if (word.send === "again") return sendAgain(conversation, key);
  one.word = word;
  one.state = "sending";
  void run(conversation);
}

/** Takes a held one back; gives back what it said. */
export function takeBack(conversation: string, key: string): string {
  const token = find(conversation, key)?.held?.token;
  const path = `/agent/conversations/${conversation}/held/withdraw`;
  // One whose time is over needs no taking back.
  if (token !== undefined) void call("POST", path, { body: { token } }).catch(() => undefined);
  return drop(conversation, key);
}

/** Gives up on one; gives back what it said. */
export function drop(conversation: string, key: string): string {
  const one = find(conversation, key);
  const rest = (outgoing.get(conversation) ?? []).filter((other) => other.key !== key);
  if (rest.length === 0) outgoing.delete(conversation);
  else outgoing.set(conversation, rest);
  keep(conversation);
  return one?.text ?? "";
}

function find(conversation: string, key: string): Outgoing | undefined {
  return outgoing.get(conversation)?.find((one) => one.key === key);
}

/** Takes up what an earlier page could not finish. */
export function recallOutgoing(conversation: string): void {
  if (outgoing.has(conversation)) return;
  const all = [...kept.sending(conversation), ...kept.held(conversation)].map((one): Outgoing => {
    const isFresh = Date.now() - one.at < GOES_BY_ITSELF_MS_MAX;
    return { ...one, state: isFresh ? "sending" : "stopped", why: "" };
  });
  if (all.length === 0) return;
  outgoing.set(conversation, all);
  void run(conversation);
}

const running = new Set<string>();

/** One at a time, so that the order stays as it was written. */
async function run(conversation: string): Promise<void> {
  if (running.has(conversation)) return;
  running.add(conversation);
  try {
    let next = pending(conversation);
    while (next !== undefined) {
      await deliver(conversation, next);
      next = pending(conversation);
    }
  } finally {
    running.delete(conversation);
  }
}

function pending(conversation: string): Outgoing | undefined {
  return outgoing.get(conversation)?.find((one) => one.state === "sending" || one.state === "waiting");
}

async function deliver(conversation: string, one: Outgoing): Promise<void> {
  let pause = PAUSE_MS_MIN;
  while (one.state === "sending" || one.state === "waiting") {
    const isDone = await attempt(conversation, one);
    if (isDone) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
    await loggedIn();
    pause = Math.min(pause * 2, PAUSE_MS_MAX);
  }
}

async function attempt(conversation: string, one: Outgoing): Promise<boolean> {
  const { key, text, isNote, held, word } = one;
  const decided = held && word ? { held: { token: held.token, ...word } } : {};
  const path = `/agent/conversations/${conversation}`;
  try {
    if (isNote)
      taken(conversation, null, await call<Note>("POST", `${path}/notes`, { key, body: { text } }), one);
    else
      taken(
        conversation,
        await call<Accepted>("POST", `${path}/messages`, { key, body: { text, ...decided } }),
        null,
        one,
      );
    drop(conversation, key);
    return true;
  } catch (error) {
    const isLapse = error instanceof Problem && error.code === "bad_credentials";
    if (error instanceof Problem && (error.passes || isLapse)) {
      one.state = "waiting";
      return false;
    }
    const hold = error instanceof Problem ? (error.told["held"] as Held | undefined) : undefined;
    one.state = hold ? "held" : "refused";
    if (hold) one.held = hold;
    delete one.word;
    one.why = wordsOf(error);
    keep(conversation);
    taken(conversation, null, null, one);
    return true;
  }
}

/** Waits while a session has ended and nobody has logged in again. */
function loggedIn(): Promise<void> {
  if (!session.lapsed) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = watch(
      () => session.lapsed,
      (lapsed) => {
        if (lapsed) return;
        stop();
        resolve();
      },
    );
  });
}
