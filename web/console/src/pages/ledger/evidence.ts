// Evidence packages: asked for, watched while they are gathered, fetched.

import { call } from "../../api";

export interface Package {
  id: string;
  /** The entry that says that it was taken out. */
  entry: number;
  scopes: string[];
  state: "waiting" | "gathering" | "ready" | "failed";
  done: number;
  /** 0 while that is not known. */
  total: number;
  bytes: number | null;
  until: string | null;
  /** The receipt of its entry, which opens the reason; it is kept nowhere else. */
  receipt: string;
  problem: { code: string; detail: string } | null;
}

/** What a package can be of: both are 32 hex digits, as entries have them. */
export const SCOPES = ["conversation", "subject"] as const;
export type Scope = (typeof SCOPES)[number];

export const isId = (text: string) => /^[0-9a-f]{32}$/.test(text);

export const order = (of: Scope, id: string, reason: string) =>
  call<Package>("POST", "/evidence", { body: { [of]: id, reason } });

export const packages = () => call<{ packages: Package[] }>("GET", "/evidence").then((told) => told.packages);

export const remove = (id: string) => call<void>("DELETE", `/evidence/${id}`, { body: {} });

/** Where the browser fetches it, by the session that it has. */
export const address = (id: string) => `/api/v1/evidence/${id}/package`;

export const isUnderWay = ({ state }: Package) => state === "waiting" || state === "gathering";
