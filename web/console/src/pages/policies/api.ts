// What the server says of the policies in force: facts in closed words, told in the reader's language by this page.

import { call } from "../../api";
import type { Span } from "../../types";

export type ViewRule =
  | { operator: "drop" }
  | { operator: "keep_all" }
  | { operator: "keep"; first: number; last: number }
  | { operator: "replace"; name: string }
  | { operator: "token"; key: string }
  | { operator: "encrypt"; key: string }
  | { operator: "shift_date"; key: string; days_max: number }
  | { operator: "generalise"; level: "year" | "month" | "decade" | "range" | "province" | "city" };

export interface MaskingRule {
  name: string;
  entity: string;
  class: string;
  basis: string[];
  /** What a value looks like, of an entity of the policy's own. */
  pattern: string | null;
  views: Record<string, ViewRule>;
  /** Which layer decided what each view shows; empty in a policy without layers. */
  decided: Record<string, Decided>;
  /** Where it applies, when that is not everywhere. */
  only: Occasion[];
  validators: string[];
  min_confidence: number;
  context: string[];
  context_window: number;
  /** A reply with such a value is held before it leaves. */
  hold: boolean;
  release_roles: string[];
  /** By whom its values may be opened; nothing: by nobody. */
  opening?: { roles: string[]; ttl_s: number; second_person: string[] } | null;
}

export interface Decided {
  layer: string | null;
  lost: Lost[];
}

/** What a layer says in vain. */
export interface Lost {
  layer: string;
  shows: ViewRule;
  why: "class" | "shows_more" | "fewer_left" | "more_characters" | "same" | "less_specific";
  left: number | null;
  behind_winner: number | null;
}

/** Which messages something applies to; what is missing may be anything. */
export interface Occasion {
  tenant: string | null;
  channel: string | null;
  purpose: string | null;
}

export interface Layer {
  name: string;
  title: string | null;
  digest: string;
  where: Occasion;
}

export interface InForce {
  id: string;
  version: number;
  digest: string;
  activated: number | null;
  activated_at: string | null;
  source: string;
}

export interface Drift {
  digest: string | null;
  error: string | null;
  source: string | null;
}

export interface Masking {
  active: InForce & {
    layers: Layer[];
    rules: MaskingRule[];
    occasions: { where: Occasion; rules: MaskingRule[] }[];
    allow: { literal: string; why: string }[];
  };
  drift: Drift | null;
}

export interface Tried {
  policy: string;
  version: number;
  views: Record<string, { text: string; spans: Span[] }>;
  found: Found[];
}

/** What was found in the text as it was typed, and why. */
export type Found = Span & { word: string | null; validators: string[]; layers: string[] };

export const masking = () => call<Masking>("GET", "/policies/masking");
/** Tries a text on a policy that is being written, or else on the one in force. */
export const attempt = (text: string, source?: string, where: { channel?: string; purpose?: string } = {}) =>
  call<Tried>("POST", "/policies/masking/try", {
    body: { text, ...(source === undefined ? {} : { source }), ...where },
  });

/** The closed list of views, those of people first. */
export const VIEWS = [
  "customer",
  "agent",
  "supervisor",
  "compliance",
  "auditor",
  "record",
  "analytics",
  "model",
  "export",
  "outbound",
];

export function viewsOf<T>(views: Record<string, T>): [string, T][] {
  const place = (view: string) => (VIEWS.indexOf(view) + VIEWS.length + 1) % (VIEWS.length + 1);
  return Object.entries(views).sort(([one], [other]) => place(one) - place(other));
}

export interface TableRow {
  id: string;
  line: number;
  when: { words: Record<string, string[]>; open: string | null; closed: string | null; time: string[] };
  queue: string;
  priority: number;
  skills: string[];
  sla_s: number | null;
  sticky: boolean;
}

export interface TableQueue {
  name: string;
  hours: string;
  priority: number;
  group: string | null;
  skills: string[];
  relax_s: number | null;
  overflow: { after_s: number; to: string } | null;
  sla_s: number | null;
  no_answer_s: number | null;
  offline_s: number | null;
  closed: string;
}

export interface Routing {
  active: InForce & {
    rows: TableRow[];
    queues: TableQueue[];
    hours: {
      utc_offset_minutes: number;
      hours: Record<string, Record<string, string[]>>;
      holidays: string[];
      workdays: string[];
    };
    skills: string[];
    groups: Record<string, boolean>;
    channels: Record<string, number>;
  };
  drift: Drift | null;
}

export const routing = () => call<Routing>("GET", "/policies/routing");
