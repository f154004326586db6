// The list on the left: read page by page, kept right by what the socket tells.

import { computed, reactive, toRaw, watch } from "vue";
import { call } from "../../api";
import { session } from "../../session";
import type { Conversation } from "../../types";
import { asked, belongs, compare } from "./filters";
import { desk, known } from "./state";

const PAGE = 200;

const list = reactive({
  ids: new Set<string>(),
  next: null as number | null,
  isComplete: false,
  isUnderWay: false,
  isLoaded: false,
  error: null as unknown,
});

let turn = 0;

interface Page {
  conversations: Conversation[];
  next: number | null;
}

/**
 * The list's conversations in its order, by their ids. One's own are few and move as they stir. Elsewhere the order is that of
 * opening, which never changes: what happens in one of ten thousand is no reason to order them anew.
 */
const rows = computed(() => {
  const all = desk.filter.name === "mine" ? known : toRaw(known);
  const found = [...list.ids].flatMap((id) => all.get(id) ?? []);
  return found.sort(compare(desk.filter)).map((one) => one.id);
});

async function read(after: number | null): Promise<void> {
  const own = ++turn;
  list.isUnderWay = true;
  try {
    const page = await call<Page>("GET", "/agent/conversations", {
      query: { ...asked(desk.filter), after, limit: PAGE },
    });
    if (own !== turn) return;
    take(page, after);
  } catch (error) {
    if (own === turn) list.error = error;
  } finally {
    if (own === turn) list.isUnderWay = false;
  }
}

function take(page: Page, after: number | null): void {
  for (const conversation of page.conversations) known.set(conversation.id, conversation);
  if (after === null) {
    // The first page again: what it no longer has, but should, is gone; what lies behind it stays.
    const bound = page.conversations.at(-1)?.opened;
    const kept = [...list.ids].filter(
      (id) => isBehind(known.get(id), bound) && page.conversations.length === PAGE,
    );
    list.ids = new Set([...page.conversations.map((one) => one.id), ...kept]);
    if (kept.length === 0) list.next = page.next;
  } else {
    page.conversations.forEach((one) => list.ids.add(one.id));
    list.next = page.next;
  }
  if (after !== null || page.conversations.length < PAGE) list.isComplete = page.conversations.length < PAGE;
  list.isLoaded = true;
  list.error = null;
}

function isBehind(conversation: Conversation | undefined, bound: number | undefined): boolean {
  if (conversation === undefined || bound === undefined) return false;
  return asked(desk.filter)["order"] === "oldest" ? conversation.opened > bound : conversation.opened < bound;
}

/** Begins the list anew. */
export async function restart(): Promise<void> {
  list.ids = new Set();
  Object.assign(list, { next: null, isComplete: false, isLoaded: false, error: null });
  await read(null);
}

export async function readMore(): Promise<void> {
  if (!list.isUnderWay && !list.isComplete && list.next !== null) await read(list.next);
}

let soon: ReturnType<typeof setTimeout> | undefined;
const SOON_MS = 400;

/** Reads the head of the list again, once for many reasons, however fast they come; never in place of a page under way. */
export function refreshSoon(): void {
  soon ??= setTimeout(() => {
    soon = undefined;
    if (list.isUnderWay) refreshSoon();
    else void read(null);
  }, SOON_MS);
}

/** Puts a conversation that was told of where it belongs. */
export function place(conversation: Conversation): void {
  known.set(conversation.id, conversation);
  if (belongs(conversation, desk.filter, session.info?.account ?? "")) list.ids.add(conversation.id);
  else list.ids.delete(conversation.id);
}

export function useList() {
  watch(
    () => [desk.filter.name, desk.filter.queue],
    () => void restart(),
  );
  return { list, rows, restart, readMore };
}
