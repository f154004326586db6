// Files on their way to the customer: one after the other, each with how far it is, and why it was not taken.

import { reactive } from "vue";
import { newKey, upload } from "../../api";
import { wordsOf } from "../../say";

export interface FileOut {
  key: string;
  file: File;
  /** From 0 to 1. */
  done: number;
  /** Why it was not taken, in words; empty while it is on its way. */
  why: string;
}

/** By conversation, oldest first. They are not kept over a reload: a file can be chosen again. */
export const filesOut = reactive(new Map<string, FileOut[]>());
const running = new Set<string>();

export function sendFiles(conversation: string, files: FileList | null | undefined): void {
  const chosen = [...(files ?? [])].map((file): FileOut => ({ key: newKey(), file, done: 0, why: "" }));
  filesOut.set(conversation, [...(filesOut.get(conversation) ?? []), ...chosen]);
  void run(conversation);
}

/** Sends one again, with the same key. */
export function sendFileAgain(conversation: string, one: FileOut): void {
  one.why = "";
  void run(conversation);
}

export function dropFile(conversation: string, key: string): void {
  const rest = (filesOut.get(conversation) ?? []).filter((one) => one.key !== key);
  filesOut.set(conversation, rest);
}

async function run(conversation: string): Promise<void> {
  if (running.has(conversation)) return;
  running.add(conversation);
  try {
    for (;;) {
      const one = filesOut.get(conversation)?.find(({ why }) => why === "");
      if (one === undefined) return;
      await deliver(conversation, one);
    }
  } finally {
    running.delete(conversation);
  }
}

async function deliver(conversation: string, one: FileOut): Promise<void> {
  const { key, file } = one;
  try {
    const progress = (done: number) => (one.done = done);
    await upload(`/agent/conversations/${conversation}/attachments`, { file, key, progress });
    dropFile(conversation, key);
  } catch (error) {
    one.why = wordsOf(error);
  }
}
