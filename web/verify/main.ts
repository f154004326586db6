/**
 * `verify.html`: an auditor's page in one file. The key is the auditor's own; what is given stays in this page; nothing is
 * asked of any network, which the page's own policy (CSP) forbids.
 */
import { canVerify } from "../verifier/able";
import { toHex } from "../verifier/bytes";
import { verifyEd25519By } from "../verifier/ed25519";
import { fingerprint, type VerifierKey } from "../verifier/note";
import { Refusal } from "../verifier/refusal";
import { isSameKey } from "../verifier/rotation";
import { readTrust, type Trust } from "../verifier/trust";
import { code, el, facts } from "./dom";
import { byNoble } from "./ed25519";
import { chosen, dropped, type Given, isStatement, type Taken } from "./given";
import { type Judgement, judge } from "./judge";
import { showJudgement } from "./verdict";
import { type Language, WORDS } from "./words";

const KEY_FILE_BYTES_MAX = 65_536;

let language: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
let trust = "";
let trusted = false;
let given: Given | null = null;
let judged: Judgement | "unread" | null = null;
let isBundled = false;
/** Counts what was asked for, so that an answer to something older is dropped. */
let asked = 0;

const page = document.getElementById("page") ?? document.body;
const result = el("section", { class: "card", "aria-labelledby": "result-step", id: "result" });
const keys = el("div", { "aria-live": "polite" });
const name = el("p", { class: "given", "aria-live": "polite" });
const words = () => WORDS[language];

function draw(): void {
  document.documentElement.lang = language;
  document.title = `聊歪歪 · ${words().title}`;
  page.replaceChildren(header(), el("main", {}, keyStep(), giveStep(), result), limits());
  void showKeys();
  showGiven();
  showResult();
}

function header(): HTMLElement {
  const turn = () => {
    language = language === "en" ? "zh-CN" : "en";
    draw();
    document.getElementById("language")?.focus();
  };
  const other = language === "en" ? "zh-CN" : "en";
  return el(
    "header",
    {},
    el(
      "div",
      { class: "bar" },
      el("h1", {}, `聊歪歪 · ${words().title}`),
      el(
        "button",
        { type: "button", id: "language", class: "quiet", lang: other, click: turn },
        words().switch,
      ),
    ),
    el("p", {}, words().lead),
    el("p", { class: "soft" }, words().offline),
    isBundled && el("p", { class: "soft", "data-ed25519": "bundled" }, words().bundled),
  );
}

function keyStep(): HTMLElement {
  const area = el("textarea", {
    id: "key",
    rows: "3",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-describedby": "key-hint",
    input: () => setTrust(area.value),
  });
  area.value = trust;
  const file = picker("key-file", words().key_file, { multiple: true }, readKeyFiles);
  return el(
    "section",
    { class: "card", "aria-labelledby": "key-step" },
    el("h2", { id: "key-step" }, `1 · ${words().key_step}`),
    el("label", { for: "key" }, words().key_label),
    area,
    el("p", { class: "soft", id: "key-hint" }, words().key_hint),
    el("div", { class: "bar" }, file),
    keys,
  );
}

/** A file of keys replaces what was there; statements are put beside it. */
async function readKeyFiles(files: FileList): Promise<void> {
  const [keys, statements]: [string[], string[]] = [[], []];
  // The field is emptied as soon as this first waits, and the list with it.
  for (const file of [...files]) {
    if (await isStatement(file)) statements.push(await file.text());
    else if (file.size <= KEY_FILE_BYTES_MAX) keys.push(await file.text());
  }
  if (keys.length > 0) writeTrust(keys.join("\n"));
  addStatements(statements);
}

/** Puts statements behind the keys, each once. */
function addStatements(statements: readonly string[]): void {
  const fresh = statements.filter((statement) => !trust.includes(statement.trim()));
  if (fresh.length > 0) writeTrust([trust.trimEnd(), ...fresh].filter((part) => part !== "").join("\n"));
}

function writeTrust(text: string): void {
  const area = document.getElementById("key");
  if (area instanceof HTMLTextAreaElement) area.value = text;
  setTrust(text);
}

function giveStep(): HTMLElement {
  const take = async (files: FileList) => give(await chosen(files));
  return el(
    "section",
    { class: "card", "aria-labelledby": "give-step" },
    el("h2", { id: "give-step" }, `2 · ${words().give_step}`),
    el(
      "div",
      { class: "drop" },
      el("p", {}, words().give_drop),
      el(
        "div",
        { class: "bar" },
        picker("give-file", words().give_file, { multiple: true }, take),
        picker("give-folder", words().give_folder, { webkitdirectory: true }, take),
      ),
    ),
    name,
  );
}

/** A button that is a file field: reached and pressed by keyboard like any other. */
function picker(
  id: string,
  text: string,
  attributes: Record<string, boolean>,
  take: (files: FileList) => Promise<void>,
): HTMLElement {
  const change = () => {
    if (field.files !== null && field.files.length > 0) void take(field.files).catch(unread);
    // The same file may be chosen again after it was changed.
    queueMicrotask(() => (field.value = ""));
  };
  const field = el("input", { type: "file", id, class: "picker", ...attributes, change });
  return el("span", { class: "pick" }, field, el("label", { for: id }, text));
}

function limits(): HTMLElement {
  const { limits_title, limits } = words();
  return el(
    "footer",
    {},
    el("h2", {}, limits_title),
    el("ul", {}, ...limits.map((limit) => el("li", {}, limit))),
  );
}

function setTrust(text: string): void {
  trust = text;
  void showKeys().then(verify);
}

/** Says which keys were read, for people to compare them. */
async function showKeys(): Promise<void> {
  const text = trust;
  const shown = await describeKeys(text).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    const bad = error.place === "statement" ? words().statement_bad : words().key_bad;
    return el("p", { class: "wrong", role: "alert" }, bad, code(error.expected));
  });
  if (text !== trust) return;
  trusted = shown !== null && !shown.classList.contains("wrong");
  keys.replaceChildren(...(shown === null ? [] : [shown]));
}

async function describeKeys(text: string): Promise<HTMLElement | null> {
  if (text.trim() === "") return null;
  const read = await readTrust(text);
  const { logs, witnesses, quorum, successors } = read;
  const given = logs.slice(0, logs.length - successors.length);
  return el(
    "div",
    { "data-keys": `${logs.length}` },
    el("p", {}, words().key_prints),
    ...(await Promise.all(given.map(printed))),
    successors.length > 0 && el("p", { "data-successors": `${successors.length}` }, words().key_led),
    ...(await Promise.all(successors.map((key) => printedSuccessor(key, read)))),
    witnesses.length > 0 &&
      facts([words().key_witnesses, `${witnesses.map(({ name }) => name).join(", ")} · quorum ${quorum}`]),
  );
}

async function printed(key: VerifierKey): Promise<HTMLElement> {
  const print = code(spaced(toHex(await fingerprint(key))));
  return facts([words().key_of, code(key.name)], [words().key_print, print]);
}

/** A key that statements lead to, with the one before it. */
async function printedSuccessor(key: VerifierKey, { rotations, generations }: Trust): Promise<HTMLElement> {
  const by = [...rotations, ...generations.all].find(({ successor }) => isSameKey(successor, key));
  const print = code(spaced(toHex(await fingerprint(key))));
  return facts(
    [words().key_of, code(key.name)],
    [words().key_from, by?.old !== undefined && code(toHex(by.old.id))],
    [words().key_new_print, print],
  );
}

/** Groups of four, which the eye can follow on a sheet. */
function spaced(hex: string): string {
  return hex.replace(/(.{4})(?=.)/g, "$1 ");
}

function give({ statements, given: something }: Taken): void {
  addStatements(statements);
  if (something === null) return;
  given = something;
  showGiven();
  void verify();
}

function showGiven(): void {
  if (given === null) return name.replaceChildren();
  const isCount = /^[0-9]+$/.test(given.name);
  name.replaceChildren(words().given, code(given.name), isCount ? ` ${words().files}` : "");
}

async function verify(): Promise<void> {
  const mine = (asked += 1);
  judged = null;
  showResult();
  if (given === null || !trusted) return;
  const bar = el("progress", { max: "1", value: "0", "aria-label": words().busy });
  const count = el("p", { class: "soft" });
  result.replaceChildren(resultTitle(), el("p", { role: "status" }, words().busy), bar, count);
  const progress = async (lines: number, part: number) => {
    if (mine !== asked) return;
    [bar.value, count.textContent] = [part, `${lines} ${words().busy_lines}`];
    // Lets the page draw and answer its keys.
    await new Promise((done) => setTimeout(done));
  };
  const verdict = await judge(given, trust, progress).catch(() => "unread" as const);
  if (mine !== asked) return;
  judged = verdict;
  showResult();
  result.scrollIntoView({ block: "nearest" });
}

function unread(): void {
  asked += 1;
  judged = "unread";
  showResult();
}

function resultTitle(): HTMLElement {
  return el("h2", { id: "result-step" }, `3 · ${words().result_step}`);
}

function showResult(): void {
  const { empty, need_key, unread } = words();
  const alert = (text: string) => el("p", { class: "wrong", role: "alert", "data-verdict": "io" }, text);
  const nothing = () => el("p", { class: "soft" }, given !== null && !trusted ? need_key : empty);
  const shown =
    judged === null ? nothing() : judged === "unread" ? alert(unread) : showJudgement(judged, words());
  result.replaceChildren(resultTitle(), shown);
}

function takeDrops(): void {
  const over = (event: DragEvent) => {
    event.preventDefault();
    document.documentElement.classList.toggle("over", event.type === "dragover");
  };
  for (const type of ["dragover", "dragleave", "drop"] as const) document.addEventListener(type, over);
  document.addEventListener("drop", ({ dataTransfer }) => {
    if (dataTransfer !== null) void dropped(dataTransfer).then(give).catch(unread);
  });
}

/** Paper is white, whatever the screen is. */
function followLook(): void {
  const dark = matchMedia("screen and (prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  addEventListener("beforeprint", () => document.documentElement.classList.remove("dark"));
  addEventListener("afterprint", follow);
  follow();
}

async function start(): Promise<void> {
  followLook();
  if (globalThis.crypto?.subtle === undefined) {
    page.append(
      ...Object.values(WORDS).map(({ no_crypto }) => el("p", { class: "wrong", role: "alert" }, no_crypto)),
    );
    return;
  }
  isBundled = !(await canVerify());
  if (isBundled) verifyEd25519By(byNoble);
  takeDrops();
  draw();
}

void start();
