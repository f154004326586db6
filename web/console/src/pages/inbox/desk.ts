// Keeps the inbox up to date: one socket while somebody with a desk is logged in.

import { watch } from "vue";
import { Problem, call } from "../../api";
import { heard } from "../../parts/span/live";
import { onLogout, recall, session } from "../../session";
import { badges } from "../../shell/badges";
import type { Conversation, Message, Note, State } from "../../types";
import { readColleagues } from "./colleagues";
import { connect } from "./desk-socket";
import type { DeskSocket, Line } from "./desk-socket";
import { kept } from "./kept";
import { place, refreshSoon, restart } from "./list";
import { onTaken, outgoing, recallOutgoing } from "./outgoing";
import { desk, known } from "./state";

/** Most messages that the server shows for one `open`. */
const SHOWN_AT_ONCE = 200;
const TYPING_EACH_MS = 3_000;
const ID = /^[0-9a-f]{32}$/;

let socket: DeskSocket | null = null;
/** Messages told since the last `open`, to know whether there are more. */
let told = 0;
/** One's own messages and notes that came before the answer to their request did: shown once that is there. */
let early: Message[] = [];
let earlyNotes: Note[] = [];
let typedAt = 0;

/** Begins to follow the desk; once, however often the page is shown. */
export function follow(): void {
  if (socket !== null) return;
  desk.unread = kept.unread();
  kept.tidy();
  desk.drafted = new Set(kept.drafted());
  socket = connect({ hear, changed });
  void readColleagues();
}

function stop(): void {
  socket?.close();
  socket = null;
  known.clear();
  outgoing.clear();
  Object.assign(desk, {
    isLive: false,
    waiting: null,
    presence: null,
    opened: null,
    viewers: [],
    unread: {},
  });
}

onLogout(stop);

/** A socket doesn't say why it can't be: an ordinary question tells whether the session ended or the server is away. */
function changed(isOpen: boolean): void {
  if (isOpen) return;
  desk.isLive = false;
  if (!session.lapsed) void recall().catch(() => null);
}

watch(
  () => session.lapsed,
  (lapsed) => {
    if (!lapsed) return follow();
    // Nothing of a conversation stays in a page whose session is over.
    if (desk.opened) Object.assign(desk.opened, { messages: [], notes: [], cursor: null, isLoading: true });
    socket?.close();
    socket = null;
  },
);

function hear(line: Line): void {
  switch (line.type) {
    case "live":
      return live();
    case "conversation":
      return hearConversation(line.conversation);
    case "message":
      return hearMessage(line.conversation, line.message);
    case "note":
      return hearNote(line.conversation, line.note);
    case "moved":
      return moved(line);
    case "stirred":
      return stirred(line.conversation, line.outbound);
    case "typing":
      if (desk.opened?.id === line.conversation) desk.opened.typedAt = Date.now();
      return;
    case "viewers":
      if (desk.opened?.id === line.conversation) {
        desk.viewers = line.viewers.filter((one) => one.account !== session.info?.account);
      }
      return;
    case "unmasking":
      return heard(line);
    case "waiting":
      desk.waiting = line.count;
      if (desk.filter.name === "waiting") refreshSoon();
      return;
    case "refused":
      if (desk.opened?.isLoading) desk.opened.error = new Problem(line.code, 0, line.detail);
      return;
    case "accepted":
  }
}

function live(): void {
  desk.isLive = true;
  void restart();
  void readPresence();
  if (desk.opened) ask();
}

function ask(): void {
  const { opened } = desk;
  if (opened === null) return;
  told = 0;
  const { id: conversation, cursor } = opened;
  // What can't be an id needs no question.
  if (!ID.test(conversation)) {
    opened.error = new Problem("not_found", 0, "");
    return;
  }
  socket?.send({ type: "open", conversation, ...(cursor === null ? {} : { after: cursor }) });
}

function hearConversation(conversation: Conversation): void {
  const isNew = desk.isLive && !known.has(conversation.id);
  const isOpen = desk.opened?.id === conversation.id;
  place(conversation);
  if (isOpen && desk.opened) Object.assign(desk.opened, { isLoading: false, error: null, isLost: false });
  if (isNew && !isOpen && conversation.state === "assigned" && conversation.agent === session.info?.account) {
    countUnread(conversation.id);
  }
  void readPresenceSoon();
}

function hearMessage(id: string, message: Message): void {
  const { opened } = desk;
  if (opened?.id !== id) return;
  told += 1;
  const before = opened.cursor ?? -1;
  // One that was shown before is masked again: it takes the place of what is there, and the cursor goes on.
  const isAgain = message.index <= before;
  opened.cursor = isAgain ? Math.max(before, message.again ?? before) : message.index;
  const isOwn = message.outbound && message.author === session.info?.account;
  if (isOwn && outgoing.get(id)?.some((one) => !one.isNote && one.state === "sending")) early.push(message);
  else add(opened.messages, message);
  if (!message.outbound && !isAgain) opened.typedAt = 0;
  if (told === SHOWN_AT_ONCE) ask();
  grew(id, opened.messages.length, message.time);
  if (!message.outbound && !isAgain && document.hidden) countUnread(id);
}

/** What was said before is told again at each opening: only what is more, and later, counts. */
function grew(id: string, messages: number, time: string): void {
  const row = known.get(id);
  if (!row) return;
  const last_at = time > (row.last_at ?? "") ? time : (row.last_at ?? time);
  place({ ...row, messages: Math.max(row.messages, messages), last_at });
}

/** By index, once. */
function add<T extends { index: number }>(all: T[], one: T): void {
  let at = all.length;
  while (at > 0 && (all[at - 1]?.index ?? 0) > one.index) at -= 1;
  if (all[at - 1]?.index === one.index) all[at - 1] = one;
  else all.splice(at, 0, one);
}

function hearNote(id: string, note: Note): void {
  if (desk.opened?.id !== id) return;
  const isOwn = note.author === session.info?.account;
  if (isOwn && outgoing.get(id)?.some((one) => one.isNote && one.state === "sending")) earlyNotes.push(note);
  else add(desk.opened.notes, note);
}

function moved(line: Extract<Line, { type: "moved" }>): void {
  const row = known.get(line.conversation);
  if (row === undefined) return refreshSoon();
  const marks = line.marks ?? { delivered: row.delivered, read: row.read };
  place({ ...row, state: line.state, agent: line.agent, delivered: marks.delivered, read: marks.read });
  const isMine = line.agent === session.info?.account;
  if (desk.opened?.id === line.conversation)
    desk.opened.isLost = !isMine && row.agent === session.info?.account;
  if (line.state !== row.state || line.agent !== row.agent) {
    // Its time and its place in the queue are others, too.
    refreshSoon();
    void readPresenceSoon();
  }
}

function stirred(id: string, outbound: boolean): void {
  const row = known.get(id);
  if (row === undefined) refreshSoon();
  else place({ ...row, messages: row.messages + 1, last_at: new Date().toISOString() });
  // A supervisor hears of everybody's; what counts as unread are one's own.
  if (!outbound && row?.agent === session.info?.account) countUnread(id);
}

function countUnread(id: string): void {
  desk.unread[id] = (desk.unread[id] ?? 0) + 1;
  kept.keepUnread(desk.unread);
}

/** Somebody looks at a conversation. */
export function markRead(id: string): void {
  delete desk.unread[id];
  kept.keepUnread(desk.unread);
}

watch(
  () => Object.values(desk.unread).reduce((sum, count) => sum + count, 0),
  (count) => {
    badges["inbox"] = count;
    const words = document.title.replace(/^\(\d+\) /, "");
    document.title = count > 0 ? `(${count}) ${words}` : words;
  },
);

/** Shows a conversation; that it was seen is recorded by the server before anything comes. */
export function open(id: string | null): void {
  if (desk.opened?.id === id) return;
  if (desk.opened) socket?.send({ type: "leave", conversation: desk.opened.id });
  early = [];
  earlyNotes = [];
  desk.viewers = [];
  if (id === null) {
    desk.opened = null;
    return;
  }
  desk.opened = {
    id,
    messages: [],
    notes: [],
    cursor: null,
    isLoading: true,
    error: null,
    typedAt: 0,
    isLost: false,
  };
  recallOutgoing(id);
  markRead(id);
  ask();
}

export function openAgain(): void {
  if (desk.opened) Object.assign(desk.opened, { error: null, isLoading: true });
  ask();
}

onTaken((id, accepted, note, sent) => {
  const { opened } = desk;
  if (opened?.id !== id) return;
  early.forEach((one) => add(opened.messages, one));
  earlyNotes.forEach((one) => add(opened.notes, one));
  early = [];
  earlyNotes = [];
  if (note) add(opened.notes, note);
  if (!accepted || opened.messages.some((one) => one.message === accepted.message)) return;
  const { message, index, text } = accepted;
  const author = session.info?.account ?? null;
  add(opened.messages, {
    message,
    index,
    time: new Date(sent.at).toISOString(),
    outbound: true,
    author,
    text,
    by: "agent",
  });
});

/** The customer sees that somebody types. */
export function types(): void {
  if (desk.opened === null || Date.now() - typedAt < TYPING_EACH_MS) return;
  typedAt = Date.now();
  socket?.send({ type: "typing", conversation: desk.opened.id });
}

let presenceTimer: ReturnType<typeof setTimeout> | undefined;

function readPresenceSoon(): void {
  clearTimeout(presenceTimer);
  presenceTimer = setTimeout(() => void readPresence(), 500);
}

/** Notes where one's own action has put a conversation; of one that is no longer one's own nothing more is heard. */
export function stands(id: string, state: State): void {
  const row = known.get(id);
  if (row) place({ ...row, state });
}

async function readPresence(): Promise<void> {
  const presence = await call<NonNullable<typeof desk.presence>>("GET", "/agent/presence").catch(() => null);
  if (presence !== null) desk.presence = presence;
}

export async function setOnline(online: boolean): Promise<void> {
  await call("PUT", "/agent/presence", { body: { online } });
  await readPresence();
}
