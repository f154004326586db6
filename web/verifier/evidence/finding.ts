/** What is wrong with an evidence package, and where. */
import type { ChainOf } from "../entry";
import { Refusal } from "../refusal";

/** What was left out: places of a chain, the last of which is an entry of the log, or positions in the log. */
export type Missing =
  | {
      readonly of: ChainOf;
      readonly id: string;
      readonly first: number;
      readonly last: number;
      /** Position in the log of the last that is missing. */
      readonly lastEntry: number;
    }
  | { readonly of: "log"; readonly first: number; readonly last: number };

/** Refuses because something was left out. */
export class Gap extends Refusal {
  constructor(readonly missing: Missing) {
    super("gap", missing.of, "all entries");
  }
}

/** A refusal with the place in the package where it was met. */
export class Finding extends Error {
  constructor(
    readonly refusal: Refusal,
    readonly file: string,
    readonly line: number | null = null,
    readonly entry: number | null = null,
    /** The part of the line or entry concerned, where it is known. */
    readonly field: string | null = null,
  ) {
    super(refusal.message);
  }
}

/** Gives what is refused meanwhile its file. */
export async function inFile<T>(file: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Refusal ? new Finding(error, file) : error;
  }
}

/** Gives what is refused meanwhile its entry and field; file and line are known further out. */
export async function atEntry<T>(entry: number | null, field: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Refusal ? new Finding(error, "", null, entry, field) : error;
  }
}
