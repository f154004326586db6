// Canned replies and the variables in them.

import { reactive } from "vue";
import { call } from "../../api";
import type { CannedReply } from "../../types";

export const replies = reactive({ all: [] as CannedReply[] });

export async function readReplies(): Promise<void> {
  replies.all = (await call<{ replies: CannedReply[] }>("GET", "/agent/replies")).replies;
}

export const VARIABLES = ["agent", "queue", "time", "bank"] as const;
export type Variables = Record<(typeof VARIABLES)[number], string>;

/** Fills in what is known; a word in braces that is no variable stays as it is. */
export function fill(text: string, variables: Variables): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(variables, name) ? variables[name as keyof Variables] : whole,
  );
}

/** The replies that fit what was typed after the slash: by shortcut first, then by title and text. */
export function matching(all: readonly CannedReply[], typed: string): CannedReply[] {
  const wanted = typed.toLowerCase();
  const rank = (reply: CannedReply) => {
    if (reply.shortcut?.toLowerCase().startsWith(wanted)) return 0;
    if (reply.title.toLowerCase().includes(wanted)) return 1;
    return reply.text.toLowerCase().includes(wanted) ? 2 : 3;
  };
  return all.filter((reply) => rank(reply) < 3).sort((one, other) => rank(one) - rank(other));
}
