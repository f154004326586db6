// What this browser keeps for an account, so that a crash loses nothing typed: drafts, and what was sent but not yet taken.
// It goes when the account logs out.

import { onLogout, session } from "../../session";

export interface Draft {
  text: string;
  isNote: boolean;
  at: number;
}

/** A message on its way; its key makes it count once, however often it is sent. */
export interface Sending {
  key: string;
  text: string;
  isNote: boolean;
  at: number;
}

const PREFIX = "lww.kept";
const AGE_MS_MAX = 7 * 86_400_000;
/** As long as the server lets a held message be decided on. */
const HELD_MS_MAX = 15 * 60_000;

type Shelf = "draft" | "sending" | "unread" | "held";

function place(shelf: Shelf, conversation: string, account = session.info?.account ?? ""): string {
  return `${PREFIX}:${account}:${shelf}:${conversation}`;
}

function read<T>(name: string, storage = localStorage): T | null {
  try {
    return JSON.parse(storage.getItem(name) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** A browser that keeps nothing any more (full, or forbidden) still lets one type. */
function write(name: string, value: unknown, storage = localStorage): void {
  try {
    if (value === null) storage.removeItem(name);
    else storage.setItem(name, JSON.stringify(value));
  } catch (error) {
    console.warn(error);
  }
}

function names(beginning: string, storage = localStorage): string[] {
  return Object.keys(storage).filter((name) => name.startsWith(beginning));
}

export const kept = {
  draft: (conversation: string) => read<Draft>(place("draft", conversation)),

  keepDraft(conversation: string, text: string, isNote: boolean): void {
    write(place("draft", conversation), text === "" ? null : { text, isNote, at: Date.now() });
  },

  sending: (conversation: string) => read<Sending[]>(place("sending", conversation)) ?? [],

  keepSending(conversation: string, all: Sending[]): void {
    write(place("sending", conversation), all.length === 0 ? null : all);
  },

  /** What the policy holds is kept by its tab only, and not longer than it can be decided on. */
  held: (conversation: string) =>
    (read<Sending[]>(place("held", conversation), sessionStorage) ?? []).filter(
      (one) => Date.now() - one.at < HELD_MS_MAX,
    ),

  keepHeld(conversation: string, all: Sending[]): void {
    write(place("held", conversation), all.length === 0 ? null : all, sessionStorage);
  },

  unread: () => read<Record<string, number>>(place("unread", "")) ?? {},

  keepUnread(counts: Record<string, number>): void {
    write(place("unread", ""), Object.keys(counts).length === 0 ? null : counts);
  },

  /** The conversations with a draft. */
  drafted(): string[] {
    const beginning = place("draft", "");
    return names(beginning).map((name) => name.slice(beginning.length));
  },

  /** Drafts that nobody came back to go after a week. */
  tidy(): void {
    for (const name of names(place("draft", ""))) {
      if (Date.now() - (read<Draft>(name)?.at ?? 0) > AGE_MS_MAX) write(name, null);
    }
  },
};

onLogout((account) => {
  for (const storage of [localStorage, sessionStorage]) {
    names(`${PREFIX}:${account}:`, storage).forEach((name) => storage.removeItem(name));
  }
});
