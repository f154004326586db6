/**
 * The customer's receipts on the screen: those of the whole conversation, page by page. Verify or keep one of them or all, and
 * verify a file that was kept.
 */
import { button, el, show } from "./dom";
import type { Checked } from "./receipts";
import type { Talk } from "./talk";
import type { Words } from "./words";
import type { Said } from "./wire";

interface Tools {
  check(receipt: string, vkey: string): Promise<Checked>;
  follow(known: string, told: string, statements: string[]): Promise<string | undefined>;
  pack(receipts: AsyncIterable<Receipt>): Promise<Blob>;
}
type Receipt = { index: number; text: string };
type Verdict = "good" | "bad" | "";
type Work = "check" | "download";

interface Row {
  item: HTMLElement;
  words: HTMLElement;
  verdict: HTMLElement;
}

export class Proofs {
  readonly #talk: Talk;
  readonly #files: string;
  readonly #pinned: string | undefined;
  readonly #rows = new Map<number, Row>();
  readonly #list = el("ul");
  readonly #ways = el("div", { class: "ways" });
  readonly #meter = el("progress", { hidden: true });
  readonly #count = el("p", { class: "under" });
  readonly #told = el("p", { class: "verdict all", role: "status" });
  readonly #more = button({ class: "earlier" }, () => void this.#older());
  #tools: Promise<Tools> | undefined;
  /** What is being done with all of them; another one, or none, ends it. */
  #work: { does: Work } | undefined;
  #words!: Words;
  #time!: (text: string) => string;

  /** `files` is where the widget's second file lies; a page that pins the log's key says it in `vkey`. */
  constructor(talk: Talk, files: string, vkey: string | undefined) {
    this.#talk = talk;
    this.#files = files;
    this.#pinned = vkey;
  }

  /** The panel's content. */
  page(words: Words, time: (text: string) => string): readonly Node[] {
    this.leave();
    [this.#words, this.#time] = [words, time];
    this.#rows.clear();
    this.#list.replaceChildren();
    for (const part of [this.#told, this.#count]) part.textContent = "";
    delete this.#ways.dataset["is"];
    this.#more.textContent = words.olderReceipts;
    const verdict = el("p", { class: "verdict", role: "status" });
    const file = el("input", {
      type: "file",
      class: "away",
      accept: ".tlog-proof,text/plain",
      id: "lww-file",
    });
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen !== undefined) void this.#tell(verdict, this.#key(), () => chosen.text());
      file.value = "";
    });
    const key = el("p", { class: "key" });
    void this.#key().then(
      (vkeys) => key.append(`${words.key}: ${vkeys.trim().split("\n").at(-1)}`),
      () => {},
    );
    this.draw();
    return [
      el("p", {}, words.receiptsAbout),
      el("div", { class: "ways" }, el("label", { class: "button", for: "lww-file" }, words.checkFile), file),
      verdict,
      this.#ways,
      this.#meter,
      this.#count,
      this.#told,
      this.#more,
      this.#list,
      key,
    ];
  }

  /** What is done with all of them ends: nobody looks any more. */
  leave(): void {
    this.#work = undefined;
    this.#meter.hidden = true;
  }

  /** Shows what came meanwhile. */
  draw(): void {
    const [words, said] = [this.#words, this.#talk.said()];
    said.forEach((one, at) => {
      const row = this.#rows.get(one.index) ?? this.#row(one.index);
      if (row.words.textContent !== one.text) row.words.textContent = one.text;
      if (this.#list.children[at] !== row.item)
        this.#list.insertBefore(row.item, this.#list.children[at] ?? null);
    });
    const { hasOlder, isPaging } = this.#talk;
    this.#more.hidden = !hasOlder;
    this.#more.setAttribute("aria-disabled", String(isPaging || this.#work !== undefined));
    if (this.#work === undefined)
      this.#count.textContent = said.length === 0 ? words.empty : words.listed(said.length, hasOlder);
    this.#ways.hidden = said.length === 0;
    const way = (does: Work, label: string) => {
      const isOther = this.#work !== undefined && this.#work.does !== does;
      const act = () => void (this.#work === undefined ? this.#all(does) : isOther || this.#stop());
      return button(
        { class: "way", "aria-disabled": isOther && "true" },
        act,
        this.#work?.does === does ? words.stop : label,
      );
    };
    show(this.#ways, String(this.#work?.does), () => [
      way("check", words.checkAll),
      way("download", words.downloadAll),
    ]);
  }

  #row(index: number): Row {
    const words = this.#words;
    const [text, verdict] = [
      el("span", { class: "words" }),
      el("p", { class: "verdict", role: "status", "aria-label": `#${index}` }),
    ];
    const way = (label: string, act: () => void) =>
      button({ "aria-label": `${label} #${index}` }, act, label);
    const under = el(
      "span",
      { class: "under" },
      `#${index}`,
      way(words.check, () => void this.#check(index, this.#key())),
      way(words.download, () => void this.#save(index, verdict)),
    );
    const row = { item: el("li", {}, text, under, verdict), words: text, verdict };
    this.#rows.set(index, row);
    return row;
  }

  async #older(): Promise<void> {
    if (this.#more.getAttribute("aria-disabled") === "true") return;
    this.#told.textContent = "";
    const hadFocus = this.#more.matches(":focus");
    await this.#talk.older().catch(() => (this.#told.textContent = this.#words.failed));
    // Who pressed the last of it is not left without a place.
    if (hadFocus && this.#more.hidden) this.#ways.querySelector("button")?.focus();
  }

  #stop(): void {
    this.leave();
    this.#say(this.#words.stopped);
  }

  #say(told: string, verdict: Verdict = ""): void {
    this.#told.className = `verdict all ${verdict}`;
    this.#told.textContent = told;
    this.draw();
  }

  /** Does something with all receipts, the oldest first, and says how far it has got. */
  async #all(does: Work): Promise<void> {
    const work = (this.#work = { does });
    const goesOn = () => this.#work === work;
    const words = this.#words;
    this.#say("");
    this.#meter.hidden = false;
    this.#meter.removeAttribute("value");
    this.#meter.setAttribute("aria-label", does === "check" ? words.checkAll : words.downloadAll);
    let told: [string, Verdict?] = [words.failed];
    try {
      while (goesOn() && this.#talk.hasOlder) {
        this.#count.textContent = words.listed(this.#talk.said().length, true);
        await this.#talk.older();
      }
      const all = this.#talk.said();
      const far = (n: number) => {
        this.#meter.max = all.length;
        this.#meter.value = n;
        this.#count.textContent = `${n} / ${all.length}`;
      };
      if (goesOn())
        told = await (does === "check" ? this.#checkAll(all, far, goesOn) : this.#saveAll(all, far, goesOn));
    } catch {
      // It is said that it failed.
    }
    if (!goesOn()) return;
    this.leave();
    this.#say(...told);
  }

  async #checkAll(all: Said[], far: (n: number) => void, goesOn: () => boolean): Promise<[string, Verdict]> {
    const key = this.#key();
    const found = { good: 0, bad: 0, "": 0 };
    for (const [n, { index }] of all.entries()) {
      far(n);
      found[await this.#check(index, key)] += 1;
      if (!goesOn()) break;
    }
    const { good, bad, "": open } = found;
    return [this.#words.checkedAll(good, bad, open), bad > 0 ? "bad" : open > 0 ? "" : "good"];
  }

  async #saveAll(all: Said[], far: (n: number) => void, goesOn: () => boolean): Promise<[string]> {
    const talk = this.#talk;
    async function* receipts(): AsyncGenerator<Receipt> {
      for (const [n, { index }] of all.entries()) {
        far(n);
        const text = await talk.receipt(index);
        if (!goesOn()) return;
        yield { index, text };
      }
    }
    const file = await (await this.#load()).pack(receipts());
    if (goesOn()) offer(file, `receipts-${all[0]?.index}-${all.at(-1)?.index}.zip`);
    return [this.#words.packed(all.length)];
  }

  /** Verifies a message's receipt and says what came of it. */
  async #check(index: number, key: Promise<string>): Promise<Verdict> {
    const { verdict } = this.#rows.get(index) ?? this.#row(index);
    const receipt = () => this.#talk.receipt(index);
    // A good receipt of something else proves nothing of this message. One that was masked again is proven by either entry.
    const is = (checked: Checked) => [index, this.#talk.messages.get(index)?.again].includes(checked.index);
    return this.#tell(verdict, key, receipt, is);
  }

  async #tell(
    verdict: HTMLElement,
    key: Promise<string>,
    receipt: () => Promise<string>,
    is: (checked: Checked) => boolean = () => true,
  ): Promise<Verdict> {
    const words = this.#words;
    const say = (found: Verdict, told: string): Verdict => {
      verdict.className = `verdict ${found}`;
      verdict.textContent = told;
      return found;
    };
    say("", words.checking);
    key.catch(() => {}); // It is waited for below.
    try {
      const text = await receipt().catch(() => undefined);
      if (text === undefined) return say("", words.notYet);
      const [{ check }, vkey] = await Promise.all([this.#load(), key]);
      const checked = await check(text, vkey).catch(() => ({ ok: false }) as Checked);
      if (!checked.ok || !is(checked)) return say("bad", words.invalid);
      return say("good", words.valid(checked.index ?? 0, this.#time(checked.time ?? "")));
    } catch (error) {
      if (error instanceof OtherKey) return say("bad", words.otherKey);
      // What could not be asked for is no verdict.
      return say("", words.failed);
    }
  }

  async #save(index: number, verdict: HTMLElement): Promise<void> {
    try {
      const text = await this.#talk.receipt(index);
      offer(new Blob([text], { type: "text/plain" }), `${index}.tlog-proof`);
    } catch {
      verdict.textContent = this.#words.notYet;
    }
  }

  /** The log's key: as the page pins it, or as it was first seen, and those that it has led to since. No other is taken. */
  async #key(): Promise<string> {
    const { keep, link } = this.#talk;
    const known = this.#pinned ?? keep.now.vkey;
    const told = await link.text("vkey");
    if (known === undefined) keep.set({ vkey: told });
    if (known === undefined || known.trim() === told.trim()) return told;
    const [{ follow }, statements] = await Promise.all([this.#load(), link.text("rotations")]);
    const keys = await follow(known, told, JSON.parse(statements) as string[]);
    if (keys === undefined) throw new OtherKey();
    return keys;
  }

  #load(): Promise<Tools> {
    // A file that could not be had is asked for again.
    this.#tools ??= (import(/* @vite-ignore */ `${this.#files}widget/receipts.js`) as Promise<Tools>).catch(
      (error: unknown) => {
        this.#tools = undefined;
        throw error;
      },
    );
    return this.#tools;
  }
}

/** Gives the customer a file. */
function offer(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

class OtherKey extends Error {}
