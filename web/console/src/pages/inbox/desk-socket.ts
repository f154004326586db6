// The desk's socket: it comes again after every drop, and asks for what was open.

import { server } from "../../api";
import type { Unmasked } from "../../parts/span/live";
import type { Accepted, Conversation, Message, Note, State } from "../../types";
import { together } from "./together";

export type Marks = { delivered: number | null; read: number | null };

/** A line from the server (docs/integrator/web.md). */
export type Line =
  | { type: "alive" }
  | { type: "live" }
  | { type: "conversation"; conversation: Conversation }
  | {
      type: "moved";
      conversation: string;
      index: number;
      state: State;
      agent: string | null;
      marks: Marks | null;
    }
  | { type: "message"; conversation: string; message: Message }
  | { type: "note"; conversation: string; note: Note }
  | { type: "stirred"; conversation: string; index: number; outbound: boolean }
  | ({ type: "unmasking"; conversation: string } & Unmasked)
  | { type: "typing"; conversation: string }
  | { type: "viewers"; conversation: string; viewers: Viewer[] }
  | { type: "waiting"; count: number }
  | { type: "accepted"; key: string; accepted: Accepted }
  | { type: "refused"; key: string | null; code: string; detail: string };

export interface Viewer {
  account: string;
  typing: boolean;
}

export type Frame =
  | { type: "open"; conversation: string; after?: number }
  | { type: "leave"; conversation: string }
  | { type: "typing"; conversation: string };

export interface DeskSocket {
  /** Sends a frame; without a connection it is dropped: whoever comes again asks anew for what is open. */
  send: (frame: Frame) => void;
  close: () => void;
}

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 8_000;
/** The server says something every 20 seconds; whoever hears nothing for longer than two of them has lost it. */
const SILENCE_MS = 45_000;
const LOOK_MS = 5_000;

interface Ears {
  hear: (line: Line) => void;
  /** The connection stands, or is gone. */
  changed: (isOpen: boolean) => void;
}

export function connect(ears: Ears): DeskSocket {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = PAUSE_MS_MIN;
  let isOver = false;
  let heardAt = 0;
  const lines = together(ears.hear);

  function open(): void {
    const address = new URL("/api/v1/agent/socket", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const own = (socket = new WebSocket(address, ["lww.v1"]));
    own.onopen = () => {
      heardAt = Date.now();
      pause = PAUSE_MS_MIN;
      server.away = false;
      ears.changed(true);
    };
    own.onmessage = (event) => {
      if (own !== socket) return;
      heardAt = Date.now();
      const line = JSON.parse(String(event.data)) as Line;
      if (line.type !== "alive") lines.take(line);
    };
    own.onclose = () => {
      lose(own);
    };
  }

  function lose(own: WebSocket): void {
    if (isOver || own !== socket) return;
    socket = null;
    lines.drain();
    ears.changed(false);
    again();
  }

  /** A network that swallows everything never closes a connection. */
  function listen(): void {
    if (socket?.readyState !== WebSocket.OPEN || Date.now() - heardAt <= SILENCE_MS) return;
    const own = socket;
    lose(own);
    own.close();
  }

  function again(): void {
    clearTimeout(timer);
    // Spread, so that a hundred desks don't come back in the same instant.
    timer = setTimeout(open, pause * (0.7 + Math.random() * 0.6));
    pause = Math.min(pause * 2, PAUSE_MS_MAX);
  }

  /** The machine woke up, or the network is back: at once. */
  function now(): void {
    if (isOver || socket !== null) return;
    clearTimeout(timer);
    pause = PAUSE_MS_MIN;
    open();
  }

  addEventListener("online", now);
  const watch = setInterval(listen, LOOK_MS);
  open();

  return {
    send: (frame) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    },
    close: () => {
      isOver = true;
      clearTimeout(timer);
      clearInterval(watch);
      removeEventListener("online", now);
      lines.drop();
      socket?.close();
    },
  };
}
