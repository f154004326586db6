/**
 * Follows a log's own key through its entries: which one it was opened under, and each change of it. Whom to trust is for the caller
 * to say. Source: audit/FORMAT.md, "Keys that change".
 */
import { type Bytes, equal, utf8 } from "./bytes";
import type { Entry } from "./entry";
import { readDeclaration } from "./generation";
import type { Json, JsonObject } from "./json";
import { rootOf } from "./merkle";
import { readKey, type VerifierKey } from "./note";
import { malformed, Refusal } from "./refusal";
import { isSameKey, readRotation, verifyRotation } from "./rotation";

/** The key in use, as far as the entries tell. */
export class Keys {
  private newest?: VerifierKey;
  private changed: number | null = null;

  /** The leaves are all of the log's, found to lead to its signed root. */
  constructor(private readonly leaves: readonly Bytes[]) {}

  /** Takes in an entry; most say nothing of keys. */
  async follow(entry: Entry): Promise<void> {
    const { detail, kind } = entry;
    if (detail === undefined) return;
    const key = detail.get("key");
    if (kind === "generation.opened/1" && typeof key === "string") {
      this.newest = await readKey(key, "entry.detail.key");
    }
    const declaration = detail.get("declaration");
    if (kind === "generation.opened/2" && typeof declaration === "string") {
      // Its own place has been checked; a change after it names it as the one before.
      this.newest = (await readDeclaration(utf8(declaration))).successor;
      this.changed = entry.seq;
    }
    if (kind === "key.rotated/1" && detail.get("purpose") === "log") await this.change(entry, detail);
  }

  private async change({ log, seq }: Entry, detail: JsonObject): Promise<void> {
    const statement = detail.get("statement");
    if (typeof statement !== "string") throw malformed("entry.detail.statement", "a statement");
    const rotation = await readRotation(utf8(statement));
    const { origin, tree, old } = rotation;
    demand(this.newest === undefined || isSameKey(this.newest, old), "statement", "the key in use before");
    const successor = await verifyRotation(rotation, [old]);
    const isBefore = origin === log && tree.size <= seq;
    const isOurs = isBefore && equal(await rootOf(this.leaves.slice(0, tree.size)), tree.root);
    demand(isOurs, "statement", "a tree of this log before the entry");
    demand(indexOf(detail.get("previous")) === this.changed, "previous", "the entry of the change before");
    [this.newest, this.changed] = [successor, seq];
  }
}

function indexOf(value: Json | undefined): number | null {
  return typeof value === "number" && value >= 0 ? value : null;
}

function demand(holds: boolean, member: string, expected: string): void {
  if (!holds) throw new Refusal("chain_break", `entry.detail.${member}`, expected);
}
