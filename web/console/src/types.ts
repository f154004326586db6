// The shapes of the server's answers that more than one page reads (see /api/v1/openapi.json).

export type Role = "agent" | "supervisor" | "compliance" | "auditor" | "admin";

/** What a role may ask for; the server decides, the console shows by it. */
export type Right =
  | "converse"
  | "supervise"
  | "read_ledger"
  | "export_evidence"
  | "own_account"
  | "read_accounts"
  | "manage_accounts"
  | "approve"
  | "propose_policies"
  | "erase_subjects"
  | "hold_subjects"
  | "read_policies"
  | "unmask"
  | "read_unmaskings"
  | "read_health";

export interface SessionInfo {
  tenant: string;
  account: string;
  role: Role;
  name: string;
  must_change_password: boolean;
  second_factor_required: boolean;
  must_enrol_second_factor: boolean;
  expires?: string;
  rights?: Right[];
  time_zone?: string;
}

export type State = "waiting" | "assigned" | "solved" | "closed";

/** A masked stretch of a text: offsets count Unicode scalar values of the text as shown. */
export interface Span {
  start: number;
  end: number;
  entity: string;
  class: string;
  /** Its name in the policy that masked; its number when that policy is no longer in force. */
  rule: string;
  /** The norms that ask for the rule. */
  basis?: string[];
  /** In percent. */
  confidence: number;
  /** Whether the rule that masked it lets somebody open it. */
  reversible?: boolean;
}

/** A reply that the policy holds before it leaves; the server keeps nothing of it. */
export interface Held {
  token: string;
  until: string;
  /** What the customer would get if it were sent masked. */
  text: string;
  finds: { span: Span; may_release: boolean }[];
  may_release: boolean;
  reasons: string[];
}

/** A report that a place in a message is masked wrongly, or isn't masked. */
export interface Report {
  id: string;
  misread: "missed" | "wrong";
  entity: string | null;
  state: "open" | "drafted" | "proposed" | "declined" | "closed";
  conversation: string;
  index: number;
  made: { by: string; index: number; time: string };
  changed: { by: string; index: number; time: string };
  amendment: string | null;
  reason: string | null;
}

export interface Conversation {
  id: string;
  state: State;
  agent: string | null;
  channel: string;
  messages: number;
  opened: number;
  opened_at: string;
  continues: string | null;
  delivered: number | null;
  read: number | null;
  queue: string;
  priority: number;
  tier: string | null;
  language: string | null;
  position?: number;
  wait_s?: number | null;
  contact?: string | null;
  last_at?: string | null;
  wish?: "message" | "callback" | null;
}

/** What became of a file that a message was read from. */
export interface Attachment {
  format: string;
  bytes: number;
  fate: "shown" | "sealed" | "quarantined";
  reason: string | null;
  kept: boolean;
}

export interface Message {
  message: string;
  index: number;
  /** Index of the newest entry that masked it again. */
  again?: number | null;
  time: string;
  outbound: boolean;
  author: string | null;
  text: string;
  spans?: Span[];
  policy?: string | null;
  by?: "customer" | "agent" | "bot" | "server";
  file?: Attachment | null;
}

export interface Note {
  id: string;
  index: number;
  time: string;
  author: string | null;
  text: string;
  spans?: Span[];
  /** Digest of the policy that masked it. */
  policy?: string | null;
}

export interface Transcript {
  conversation: Conversation;
  messages: Message[];
  notes?: Note[];
  next: number | null;
}

export interface Accepted {
  message: string;
  conversation: string;
  index: number;
  leaf: string;
  text: string;
  receipt: string | null;
  duplicate: boolean;
}

export interface Colleague {
  account: string;
  name: string;
  role: Role;
  online: boolean;
  load: number;
  capacity: number;
  skills: string[];
  groups: string[];
}

export interface CannedReply {
  id: string;
  title: string;
  text: string;
  shortcut: string | null;
  version: number;
}

export interface Queue {
  queue: string;
  open: boolean;
  opens?: string;
  waiting: number;
  longest_s: number;
}

/** A queue to transfer to. */
export interface Target {
  queue: string;
  open: boolean;
  opens?: string | null;
}

export interface Account {
  id: string;
  login: string | null;
  name: string;
  role: Role;
  capacity: number;
  enabled: boolean;
  locked: boolean;
  second_factor: boolean;
  must_change_password: boolean;
  skills?: string[];
  groups?: string[];
}
