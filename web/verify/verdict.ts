/** Shows a verdict: what was proven and the transcript, or the first thing that is wrong. */
import { toHex } from "../verifier/bytes";
import type { Item, Missing, Report, Scope } from "../verifier/evidence";
import { type Declaration, provenOf } from "../verifier/generation";
import type { Cosigned } from "../verifier/trust";
import { type Child, code, el, facts } from "./dom";
import type { Judgement, ProvenEntry, Refused } from "./judge";
import { EXIT_CODES, type Words } from "./words";

/** Rows of a transcript that are shown at once. */
const ROWS = 500;

export function showJudgement(judged: Judgement, words: Words): HTMLElement {
  switch (judged.kind) {
    case "refused":
      return refused(judged.refused, words);
    case "receipt":
      return valid(
        judged.proven.gaps,
        judged.proven.gaps.length === 0
          ? [words.valid_receipt, words.valid_receipt_detail]
          : [words.gap_receipt, words.gap_receipt_detail],
        receiptFacts(judged.proven, words),
        transcript(judged.items, new Map(), words),
        words,
      );
    case "package":
      return valid(
        judged.report.gaps,
        judged.report.gaps.length === 0
          ? [words.valid_package, words.valid_package_detail]
          : [words.gap_package, words.gap_package_detail],
        packageFacts(judged.report, words),
        transcript(judged.items, judged.report.staff, words),
        words,
      );
  }
}

function valid(
  gaps: readonly Declaration[],
  [title, detail]: readonly [string, string],
  proven: HTMLElement,
  read: HTMLElement,
  words: Words,
): HTMLElement {
  const print = el("button", { type: "button", class: "quiet", click: () => window.print() }, words.print);
  return el(
    "div",
    { "data-verdict": gaps.length === 0 ? "valid" : "declared_gap" },
    gaps.length === 0
      ? el("div", { class: "verdict good", role: "status" }, el("h3", {}, `✓ ${title}`), el("p", {}, detail))
      : gapped(gaps, title, detail, words),
    proven,
    el("div", { class: "bar" }, el("h3", { id: "transcript" }, words.transcript), print),
    read,
  );
}

/** What is lost, when that was declared, and by whom. */
function gapped(gaps: readonly Declaration[], title: string, detail: string, words: Words): HTMLElement {
  const told = gaps.map((gap) => {
    const { kept, lost, last, opened, by, tenant, reason, old } = gap;
    const [proven, first] = [provenOf(gap), kept.size];
    return facts(
      [words.gap_lost, [`#${first} – #${lost.size - 1} · `, code(last.origin)]],
      [words.gap_declared, `${time(opened)} · ${words.gap_reasons[reason] ?? reason}`],
      [words.gap_by, [code(by[0]), " · ", code(by[1]), ` (${tenant})`]],
      [
        words.gap_proven,
        proven === first ? words.gap_proven_all(first) : words.gap_proven_some(proven, first),
      ],
      [words.gap_key, old === undefined ? words.gap_key_gone : words.gap_key_signed],
    );
  });
  return el(
    "div",
    { class: "verdict gap", role: "alert" },
    el("h3", {}, `! ${title}`),
    el("p", {}, detail),
    ...told,
    el("p", { class: "soft" }, `${words.exit} 22 · `, code("declared_gap")),
  );
}

function refused(found: Refused, words: Words): HTMLElement {
  const { reason, file, line, entry, field, expected, missing } = found;
  const number = (value: number | null) => (value === null ? null : `${value}`);
  return el(
    "div",
    { "data-verdict": reason },
    el(
      "div",
      { class: "verdict bad", role: "alert" },
      el("h3", {}, `✕ ${words.refused}`),
      el("p", {}, words.reasons[reason]),
      el("p", { class: "soft" }, words.refused_detail),
    ),
    facts(
      [words.reason, [code(reason), ` · ${words.exit} ${EXIT_CODES[reason]}`]],
      [words.file, file === "vkey" ? words.key_step : code(file)],
      [words.line, number(line)],
      [words.entry, entry === null ? null : `#${entry}`],
      [words.missing, missing === null ? null : missingText(missing, words)],
      [words.field, missing === null && field !== null ? code(field) : null],
      [words.expected, missing === null ? expected : null],
    ),
  );
}

function missingText(missing: Missing, words: Words): string {
  if (missing.of === "log") return words.missing_log(missing.first, missing.last);
  const { of, id, first, last, lastEntry } = missing;
  return words.missing_chain(words[of], id, first, last, lastEntry);
}

function packageFacts(report: Report, words: Words): HTMLElement {
  const { manifest, checkpoint, policies } = report;
  const named = [...policies].map(([digest, { id, version, text }]) =>
    el("li", {}, `${id} v${version} · ${text ? words.policy_there : words.policy_not_there} `, code(digest)),
  );
  return facts(
    [
      report.gaps.length === 0 ? words.complete_for : words.gap_scopes,
      el("ul", {}, ...manifest.scopes.map((scope) => el("li", {}, ...scopeText(scope, words)))),
    ],
    [words.entries, `${report.entries}`],
    [words.texts, `${report.texts}`],
    [words.made, time(manifest.made)],
    [words.log, code(checkpoint.origin)],
    [words.size, `${checkpoint.size}`],
    [words.root, code(toHex(checkpoint.root))],
    [words.signed_by, code(report.signer)],
    [words.cosigned_by, cosigned(report.cosigned)],
    [words.sealed_by, report.seal === null ? null : `#${report.seal}`],
    [words.policies, named.length > 0 && el("ul", {}, ...named)],
    [words.names, report.staff.size > 0 && `${report.staff.size} · ${words.names_hint}`],
  );
}

function receiptFacts(proven: ProvenEntry, words: Words): HTMLElement {
  return facts(
    [words.index, `#${proven.index}`],
    [words.log, code(proven.origin)],
    [words.size, `${proven.size}`],
    [words.leaf, code(proven.leaf)],
    [words.path, `${proven.steps} ${words.path_hashes}`],
    [words.root, code(proven.root)],
    [words.signed_by, code(proven.signer)],
    [words.cosigned_by, cosigned(proven.cosigned)],
  );
}

function cosigned(witnesses: readonly Cosigned[]): string {
  return witnesses.map(({ name, time }) => `${name} (${posixTime(time)})`).join(", ");
}

function posixTime(seconds: bigint): string {
  // Times beyond what a calendar holds stay numbers.
  return seconds < 253_402_300_800n
    ? time(new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z"))
    : `${seconds}`;
}

/** The ledger's own time, for people to read: all times are UTC and say so. */
function time(text: string): string {
  return `${text.slice(0, -1).replace("T", " ")} UTC`;
}

function scopeText(scope: Scope, words: Words): Child[] {
  if (scope.of === "range") return [`${words.range} ${time(scope.from)} ${words.until} ${time(scope.to)}`];
  return [`${words[scope.of]} `, code(scope.id)];
}

function transcript(items: readonly Item[], staff: ReadonlyMap<string, string>, words: Words): HTMLElement {
  const list = el("ol", { class: "transcript", "aria-labelledby": "transcript" });
  const more = el("div", { class: "bar more" });
  let shown = 0;
  const show = (count: number) => {
    list.append(...items.slice(shown, shown + count).map((item) => row(item, staff, words)));
    shown = Math.min(items.length, shown + count);
    const left = items.length - shown;
    if (left === 0) return more.remove();
    const next = Math.min(ROWS, left);
    more.replaceChildren(
      button(`${words.more} ${next} ${words.rows}`, () => show(next)),
      button(`${words.all} (${items.length})`, () => show(left)),
    );
  };
  show(ROWS);
  // Paper holds all of it, or it would seem to be less than there is.
  const printAll = () => list.isConnected && shown < items.length && show(items.length);
  addEventListener("beforeprint", printAll);
  return el("div", {}, list, shown < items.length && more);
}

function button(text: string, click: () => void): HTMLElement {
  return el("button", { type: "button", class: "quiet", click }, text);
}

/** A file that came with the message of the next entry: what it is, how large, and what became of it. */
function attachment({ kind, detail }: Item["entry"]): string | undefined {
  if (kind !== "attachment.kept/1" || detail === undefined) return undefined;
  const word = (name: string) => detail.get(name) ?? null;
  const isKept = word("commit_file") !== null;
  const parts = [
    word("format"),
    `${String(word("bytes"))} bytes`,
    word("fate"),
    word("reason"),
    isKept ? null : "not kept",
  ];
  return `[attachment: ${parts.filter((part) => typeof part === "string").join(", ")}]`;
}

function row({ entry, texts }: Item, staff: ReadonlyMap<string, string>, words: Words): HTMLElement {
  const { actor } = entry;
  const about = words.kinds[entry.kind.replace(/\/[0-9]+$/, "").replaceAll(".", "_")] ?? entry.kind;
  const said = texts.map(({ of, text }) => el("p", { class: `said ${of}` }, el("b", {}, words[of]), text));
  const file = attachment(entry);
  if (file !== undefined) said.push(el("p", { class: "said" }, file));
  const isSilent = texts.length === 0 && entry.content !== undefined;
  return el(
    "li",
    { "data-role": actor.role },
    el(
      "p",
      { class: "head" },
      el("span", { class: "who" }, staff.get(actor.id) ?? words.roles[actor.role] ?? actor.role),
      staff.has(actor.id) && el("span", {}, words.roles[actor.role] ?? actor.role),
      el("time", { datetime: entry.time }, time(entry.time)),
      el("span", {}, `#${entry.seq}`),
    ),
    ...said,
    el("p", { class: "about" }, isSilent ? `${about} · ${words.no_text}` : about),
    more(entry, words),
  );
}

function more(entry: Item["entry"], words: Words): HTMLElement {
  const spans = entry.content?.spans.map(({ entity, count }) => `${entity} × ${count}`).join(", ");
  return el(
    "details",
    {},
    el("summary", {}, words.detail),
    facts(
      [words.kind, code(entry.kind)],
      [words.actor, code(entry.actor.id)],
      [words.conversation, entry.conversation === undefined ? null : code(entry.conversation)],
      [words.subject, entry.subject === undefined ? null : code(entry.subject)],
      [words.channel, entry.channel ?? null],
      [words.spans, spans ?? null],
      [words.policy, entry.policy === undefined ? null : `${entry.policy.id} v${entry.policy.version}`],
    ),
  );
}
