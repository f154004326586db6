// What the inbox knows. `desk.ts` keeps it up to date; components read it.

import { reactive, shallowReactive } from "vue";
import type { Conversation, Message, Note } from "../../types";
import type { Viewer } from "./desk-socket";
import type { Filter } from "./filters";

/** The conversation on screen. */
export interface Opened {
  id: string;
  messages: Message[];
  notes: Note[];
  /** The newest message that the server told; where to go on after a drop. */
  cursor: number | null;
  /** Nothing of it has been shown yet. */
  isLoading: boolean;
  error: unknown;
  /** When its customer typed last. */
  typedAt: number;
  /** Somebody else has it from here on. */
  isLost: boolean;
}

export const desk = reactive({
  /** The socket stands, and what comes is live. */
  isLive: false,
  /** How many wait, in every queue. */
  waiting: null as number | null,
  presence: null as { online: boolean; load: number; capacity: number } | null,
  filter: { name: "mine", queue: "" } as Filter,
  opened: null as Opened | null,
  viewers: [] as Viewer[],
  unread: {} as Record<string, number>,
  /** The conversations with a draft, for the list. */
  drafted: new Set<string>(),
});

/** The server tells no more than so many who wait, however many there are. */
const WAITING_TOLD_MAX = 1_000;

/** How many wait, as it is written. */
export function waitingCount(): string {
  const { waiting } = desk;
  return waiting !== null && waiting >= WAITING_TOLD_MAX ? `${WAITING_TOLD_MAX}+` : String(waiting ?? 0);
}

/** Every conversation that was told of, by its id. */
export const known = shallowReactive(new Map<string, Conversation>());
