// Reads a file of accounts before it is sent (RFC 4180): what stands in it, and what is wrong where. The server checks all
// of it again; this only tells sooner.

import type { Role } from "../../types";

export interface Row {
  /** The line of the file on which it begins, from 1. */
  line: number;
  fields: string[];
}

/** Something wrong; `column` names the field, or `file`. */
export interface Fault {
  line: number;
  column: string;
  /** Which words say it: `accounts.faults.<what>`. */
  what:
    | "columns"
    | "fields"
    | "quote"
    | "login"
    | "name"
    | "role"
    | "capacity"
    | "twice"
    | "taken"
    | "empty"
    | "many";
}

export interface Parsed {
  columns: string[];
  rows: Row[];
  faults: Fault[];
}

export const COLUMNS = ["login", "name", "role", "capacity", "skills", "groups"] as const;
const NEEDED = ["login", "name", "role"] as const;
export const ROLES: readonly Role[] = ["agent", "supervisor", "compliance", "auditor", "admin"];
const ACCOUNTS_MAX = 256;
const BYTES_MAX = 128;
const CAPACITY_MAX = 1_000;

/** Bytes as text: UTF-8, or GB 18030, which spreadsheets in Chinese write. */
export function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

/** Splits a text into rows; `null` in place of the last row's fields when a quote is never closed. */
function split(text: string): { rows: Row[]; isOpen: boolean } {
  const rows: Row[] = [];
  let [line, began, field, isQuoted, hasAny] = [1, 1, "", false, false];
  let fields: string[] = [];
  const endRow = () => {
    if (hasAny) rows.push({ line: began, fields: [...fields, field] });
    [fields, field, hasAny] = [[], "", false];
  };
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (!hasAny) began = line;
    if (sign === "\n") line += 1;
    if (isQuoted) {
      if (sign !== '"') field += sign;
      else if (text[at + 1] === '"') [field, at] = [field + '"', at + 1];
      else isQuoted = false;
    } else if (sign === '"' && field === "") [isQuoted, hasAny] = [true, true];
    else if (sign === ",") [fields, field, hasAny] = [[...fields, field], "", true];
    else if (sign === "\n") endRow();
    else if (sign !== "\r" || text[at + 1] !== "\n") [field, hasAny] = [field + sign, true];
  }
  endRow();
  return { rows, isOpen: isQuoted };
}

function isName(text: string): boolean {
  const bytes = new TextEncoder().encode(text).length;
  return bytes >= 1 && bytes <= BYTES_MAX && text.trim() === text && !/^[=+\-@]|\p{Cc}/u.test(text);
}

/** Reads a file; `taken` are logins that accounts have already. */
export function parse(text: string, taken: ReadonlySet<string>): Parsed {
  const { rows, isOpen } = split(text.replace(/^\uFEFF/, ""));
  const columns = rows[0]?.fields ?? [];
  const isKnown = columns.every((name) => (COLUMNS as readonly string[]).includes(name));
  const isWhole = NEEDED.every((name) => columns.includes(name)) && new Set(columns).size === columns.length;
  if (!isKnown || !isWhole)
    return { columns, rows: [], faults: [{ line: 1, column: "file", what: "columns" }] };
  const body = rows.slice(1);
  const faults: Fault[] = [];
  if (isOpen) faults.push({ line: body.at(-1)?.line ?? 1, column: "file", what: "quote" });
  if (body.length === 0) faults.push({ line: 2, column: "file", what: "empty" });
  if (body.length > ACCOUNTS_MAX)
    faults.push({ line: body[ACCOUNTS_MAX]?.line ?? 0, column: "file", what: "many" });
  const seen = new Set<string>();
  for (const row of body) faults.push(...faultsOf(row, columns, taken, seen));
  return { columns, rows: body, faults };
}

function faultsOf(row: Row, columns: string[], taken: ReadonlySet<string>, seen: Set<string>): Fault[] {
  const { line, fields } = row;
  if (fields.length !== columns.length) return [{ line, column: "file", what: "fields" }];
  const of = (name: string) => fields[columns.indexOf(name)] ?? "";
  const faults: Fault[] = [];
  const fault = (column: string, what: Fault["what"]) => void faults.push({ line, column, what });
  const login = of("login");
  if (!isName(login)) fault("login", "login");
  else if (seen.has(login)) fault("login", "twice");
  else if (taken.has(login)) fault("login", "taken");
  seen.add(login);
  if (!isName(of("name"))) fault("name", "name");
  if (!ROLES.includes(of("role") as Role)) fault("role", "role");
  if (!isCapacity(of("capacity"), of("role"))) fault("capacity", "capacity");
  return faults;
}

/** Agents alone have a desk; for others there is nothing to hold. */
function isCapacity(text: string, role: string): boolean {
  const most = role === "agent" ? CAPACITY_MAX : 0;
  return text === "" || (/^\d{1,4}$/.test(text) && Number(text) <= most);
}

/** One field of a file, quoted where it has to be. */
export function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
