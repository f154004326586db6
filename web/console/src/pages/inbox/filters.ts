// The lists of the inbox: what each asks for, and whether a conversation belongs to it.

import type { Conversation, State } from "../../types";

export const FILTERS = ["mine", "waiting", "solved", "closed", "everybody"] as const;
export type FilterName = (typeof FILTERS)[number];

export interface Filter {
  name: FilterName;
  /** Only this queue; empty: every queue. */
  queue: string;
}

/** Those that only a supervisor has. */
export const SUPERVISORS: readonly FilterName[] = ["waiting", "everybody"];

type Asked = { state?: State; mine?: boolean; order: "newest" | "oldest" };

const ASKED: Record<FilterName, Asked> = {
  mine: { state: "assigned", mine: true, order: "newest" },
  // Whoever has waited longest stands first.
  waiting: { state: "waiting", order: "oldest" },
  solved: { state: "solved", order: "newest" },
  closed: { state: "closed", order: "newest" },
  everybody: { order: "newest" },
};

export function asked(filter: Filter): Record<string, string | boolean> {
  return { ...ASKED[filter.name], ...(filter.queue === "" ? {} : { queue: filter.queue }) };
}

export function belongs(conversation: Conversation, filter: Filter, account: string): boolean {
  const { state, mine } = ASKED[filter.name];
  const isMine = mine !== true || conversation.agent === account;
  const isOfQueue = filter.queue === "" || conversation.queue === filter.queue;
  return isMine && isOfQueue && (state === undefined || conversation.state === state);
}

/** Where two conversations of a list stand to each other. */
export function compare(filter: Filter): (one: Conversation, other: Conversation) => number {
  if (ASKED[filter.name].order === "oldest") return (one, other) => one.opened - other.opened;
  // One's own are few and all there: whoever stirred last comes first.
  if (filter.name === "mine")
    return (one, other) => stirred(other) - stirred(one) || other.opened - one.opened;
  return (one, other) => other.opened - one.opened;
}

function stirred(conversation: Conversation): number {
  return Date.parse(conversation.last_at ?? conversation.opened_at);
}
