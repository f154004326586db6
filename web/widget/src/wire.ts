/** The lines and frames of the web channel, as docs/integrator/web.md describes them. */

export type State = "waiting" | "assigned" | "solved" | "closed";
export type Wish = "message" | "callback";
export type Author = "customer" | "agent" | "bot" | "server";

/** What became of a file that a message was read from. */
export interface FileInfo {
  format: string;
  bytes: number;
  fate: "shown" | "sealed" | "quarantined";
  reason: string | null;
  kept: boolean;
}

export interface Said {
  type: "message";
  message: string;
  conversation: string;
  index: number;
  /** Index of the newest entry that masked it again. */
  again?: number | null;
  time: string;
  by: Author;
  masked: boolean;
  text: string;
  file?: FileInfo | null;
}

/** Something that was said before, as it may be shown from here on. */
export interface Again extends Omit<Said, "type"> {
  type: "remasked";
}

export interface Accepted {
  type: "accepted";
  key: string;
  index: number;
  text: string;
  conversation: string;
  receipt: string | null;
}

export interface Refused {
  type: "refused";
  key: string | null;
  code: string;
  detail: string;
  retry_after_s: number | null;
}

export interface Standing {
  type: "conversation";
  conversation: string;
  state: State;
  marks: { delivered: number | null; read: number | null } | null;
  wish: Wish | null;
}

export interface Queue {
  type: "queue";
  conversation: string;
  position: number;
  wait_s: number | null;
  open: boolean;
  opens: string | null;
}

export type Line =
  | { type: "live"; cursor: number | null }
  | { type: "alive" }
  | Said
  | Again
  | Accepted
  | Refused
  | Standing
  | Queue
  | { type: "typing"; conversation: string }
  | { type: "read"; conversation: string; until: number };

export type Frame =
  | { type: "send"; key: string; text: string }
  | { type: "typing" }
  | { type: "seen"; delivered?: number; read?: number }
  | { type: "wish"; key: string; wish: Wish };

/** Who is logged in to the bank's page, as the bank's own server vouches for. */
export interface Identity {
  id: string;
  time: number;
  proof: string;
}

/** What a page says of the conversation; tier and tags count only where the identity's proof covers them. */
export interface About {
  language?: string;
  tier?: string;
  tags?: string[];
}
