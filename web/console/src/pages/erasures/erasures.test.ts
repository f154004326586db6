import { expect, test } from "vitest";
import { type Certificate, type Erasure, filesOf, instants, isPseudonym, waysOf } from "./api";

const ME = "a".repeat(32);
const OTHER = "b".repeat(32);
const act = (by: string) => ({ by, index: 7, time: "2026-11-27T10:00:00.000000Z" });
const erasure = (by: string, state: Erasure["state"]): Erasure => ({
  ...{ id: "1", subject: "c".repeat(32), state, reason: "objection", now: false },
  proposed: act(by),
  decided: state === "proposed" ? null : act(OTHER),
});
const entry = (index: number, proof: string | null = `proof of ${index}`) => ({
  ...{ index, proof },
  time: `2026-11-27T10:00:0${index}.000000Z`,
});
const certificate = (more: Partial<Certificate>): Certificate => ({
  ...{ subject: "c".repeat(32), vkey: "log+0+A", erased: entry(1), epochs: [], note: "in words\n" },
  ...{ destroyed_at: null, due: null, ...more },
});

test("whoever proposed an erasure can take it back and never approve it; others can do both, once, if they may", () => {
  expect(waysOf(erasure(ME, "proposed"), ME, true)).toEqual(["reject"]);
  expect(waysOf(erasure(OTHER, "proposed"), ME, true)).toEqual(["approve", "reject"]);
  expect(waysOf(erasure(OTHER, "proposed"), ME, false)).toEqual([]);
  for (const state of ["rejected", "erased"] as const)
    expect(waysOf(erasure(OTHER, state), ME, true)).toEqual([]);
});

test("the second instant is open, due or over, as the certificate says and never sooner", () => {
  const epoch = { epoch: 1, fingerprint: null, destroyed: null };
  const open = instants(certificate({ epochs: [epoch] }));
  expect(open[0]).toEqual({ of: "erased", state: "over", at: entry(1).time, entries: [1] });
  expect(open[1]).toEqual({ of: "destroyed", state: "open", at: null, entries: [] });
  const due = "2026-12-27T10:00:00.000000Z";
  expect(instants(certificate({ epochs: [epoch], due }))[1]).toMatchObject({ state: "due", at: due });
  // One epoch of two is gone: older copies hang on the other, so that nothing is over yet.
  const half = certificate({ epochs: [{ ...epoch, destroyed: entry(4) }, epoch], due });
  expect(instants(half)[1]).toEqual({ of: "destroyed", state: "due", at: due, entries: [4] });
  const over = certificate({ epochs: [{ ...epoch, destroyed: entry(5) }], destroyed_at: entry(5).time });
  expect(instants(over)[1]).toMatchObject({ state: "over", at: entry(5).time, entries: [5] });
});

test("the files of a certificate are its text, its note and the proofs that there are", () => {
  const destroyed = { epoch: 1, fingerprint: null, destroyed: entry(5, null) };
  const files = filesOf(certificate({ epochs: [destroyed] }));
  expect(files.map(({ name }) => name)).toEqual([
    "certificate.json",
    "certificate.note",
    "entry-1.tlog-proof",
  ]);
  expect(JSON.parse(files[0]?.input ?? "")).toMatchObject({ note: "in words\n" });
});

test("a pseudonym is 32 lower hexadecimal digits", () => {
  expect(isPseudonym(ME)).toBe(true);
  for (const text of ["", ME.slice(1), ME.toUpperCase(), `${ME} `, "13800138000"])
    expect(isPseudonym(text), text).toBe(false);
});
