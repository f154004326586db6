// Files of which nothing is shown: those in quarantine, and opening one under a recorded grant.

import { bytes, call } from "../../api";
import type { Attachment } from "../../types";
import type { Act, Unmasking } from "../span/api";

/** A file in quarantine. What its entry would say is missing where that can't be read. */
export interface QuarantinedFile {
  message: string;
  file: Attachment;
  index: number;
  time: string | null;
  conversation: string | null;
  subject: string | null;
  erased: boolean;
}

/** An opened file; it is given once. */
export interface OpenedFile {
  bytes: ArrayBuffer;
  /** As it is saved: request, account and time are in it. */
  name: string;
  until: string;
  used: Act;
}

export const quarantine = (before: number | null) =>
  call<{ files: QuarantinedFile[] }>("GET", "/quarantine", { query: { before } }).then(({ files }) => files);

export const requestFile = (message: string, reason: string) =>
  call<Unmasking>("POST", `/files/${message}/unmaskings`, { body: { reason } });

export async function openFile(id: string): Promise<OpenedFile> {
  const { content, headers } = await bytes("POST", `/unmaskings/${id}/file`);
  const told = (name: string) => headers.get(name) ?? "";
  return {
    bytes: content,
    name: nameIn(told("content-disposition")),
    until: told("lww-opened-until"),
    used: {
      by: told("lww-opened-by"),
      index: Number(told("lww-opened-entry")),
      time: told("lww-opened-at"),
    },
  };
}

/** The name that a file is to be saved under, in letters that no system takes for anything else. */
export function nameIn(disposition: string): string {
  const named = /filename="([A-Za-z0-9._-]{1,100})"/.exec(disposition)?.[1];
  return named ?? "opened.bin";
}
