/** How far a seal reaches back in a log that is longer than what is remembered. Source: audit/FORMAT.md, "Seals". */
import { expect, test } from "vitest";
import { Chains } from "../chain";
import type { Entry } from "../entry";
import { type Bytes, leafHash, toHex, utf8 } from "../index";
import { rootOf } from "../merkle";
import { type ChainEnd, checkSeal, LAG_ENTRIES_MAX, leafOf, orderOf } from "../seal";

const LOG = "lww.example/acme/1";
const PERSONS = 5;
/** More than what is remembered at most: changes of four times a seal's reach. */
const ENTRIES = 5 * LAG_ENTRIES_MAX;

function leafAt(seq: number): Bytes {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(28, seq + 1);
  return bytes;
}

const idOf = (person: number) => `${person}`.padStart(32, "0");

/** The ends of five conversations that take turns, when the log had so many entries. */
function endsOf(size: number): ChainEnd[] {
  return Array.from({ length: Math.min(size, PERSONS) }, (_, person) => {
    const n = Math.ceil((size - person) / PERSONS) - 1;
    const seq = n * PERSONS + person;
    return { of: "conversation" as const, id: idOf(person), n, seq, leaf: toHex(leafAt(seq)) };
  });
}

function entryOf(seq: number): Entry {
  const [n, person] = [Math.floor(seq / PERSONS), seq % PERSONS];
  const before = seq - PERSONS;
  return {
    ...{ actor: { id: idOf(0), role: "agent" }, kind: "message.sent/1", log: LOG, seq, tenant: "acme" },
    ...{ conversation: idOf(person), time: "2026-01-05T01:00:00.000000Z" },
    prev: seq === 0 ? "0".repeat(64) : toHex(leafAt(seq - 1)),
    chains: [{ n, of: "conversation", prev: n === 0 ? null : { leaf: toHex(leafAt(before)), seq: before } }],
  };
}

test("a seal is checked as far back as it may reach and refused beyond, however long the log is", async () => {
  const chains = new Chains(LOG);
  for (let seq = 0; seq < ENTRIES; seq += 1) chains.follow(entryOf(seq), leafAt(seq));
  const check = async (upto: number, ends = endsOf(upto)) => {
    const root = toHex(await rootOf(await Promise.all(ends.map(leafOf))));
    const detail = new Map<string, string | number>([["chains", ends.length], ["root", root], ["upto", upto]]); // prettier-ignore
    return checkSeal({ ...entryOf(ENTRIES), kind: "chains.sealed/1", detail }, chains);
  };
  for (const upto of [ENTRIES, ENTRIES - 1, ENTRIES - 7, ENTRIES - LAG_ENTRIES_MAX]) {
    const ends = chains.endsAt(upto).sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
    expect(ends, `${upto}`).toEqual(endsOf(upto));
    await check(upto);
    const other = await leafHash(utf8("another"));
    const [first, ...rest] = endsOf(upto) as [ChainEnd, ...ChainEnd[]];
    await expect(check(upto, [{ ...first, leaf: toHex(other) }, ...rest])).rejects.toThrow("detail.root");
    await expect(check(upto, rest)).rejects.toThrow("detail.chains");
  }
  for (const upto of [ENTRIES + 1, ENTRIES - LAG_ENTRIES_MAX - 1])
    await expect(check(upto), `${upto}`).rejects.toThrow("detail.upto");
});
