/** What the customer sees and does. It follows the talk and keeps nothing of its own but what is open. */
import { button, el, icon, readableOn, show } from "./dom";
import { Files } from "./files";
import { Proofs } from "./proofs";
import css from "./style.css?inline";
import { PATIENCE_MS, type Pending, type Talk } from "./talk";
import { Times } from "./times";
import type { Author, Said } from "./wire";
import { type Language, WORDS, type Words } from "./words";

/** How the bank wants it to look and what it says. */
export interface Look {
  language: Language;
  colour?: string | undefined;
  logo?: string | undefined;
  title?: string | undefined;
  greeting?: string | undefined;
  consent?: string | undefined;
  consentLink?: string | undefined;
  side?: string | undefined;
  theme?: string | undefined;
  /** The tenant's zone, in which times are shown. */
  zone: string;
}

/** A name, what it is drawn of, and how. */
type Wanted = [string, string, () => HTMLElement];

const TEXT_BYTES_MAX = 16_384;
const PICTURES = { customer: "person", agent: "person", bot: "robot", server: "note" } as const;

export class View {
  readonly #talk: Talk;
  readonly #look: Look;
  readonly #proofs: Proofs;
  readonly #files: Files;
  readonly #host: HTMLElement;
  readonly #launch: HTMLButtonElement;
  readonly #badge = el("span", { class: "badge", hidden: true });
  readonly #panel: HTMLElement;
  readonly #log: HTMLElement;
  readonly #list = el("ol", { role: "list" });
  readonly #earlier = button({ class: "earlier", hidden: true }, () => void this.#page());
  readonly #paged = el("div", { class: "away", role: "status" });
  readonly #typing = el("div", { class: "typing", "aria-live": "polite" });
  readonly #notice = el("div", { role: "status" });
  readonly #receipts = el("div", { class: "receipts", hidden: true });
  readonly #form: HTMLFormElement;
  readonly #input: HTMLTextAreaElement;
  readonly #header = el("header");
  readonly #consent = el("p", { class: "consent" });
  readonly #items = new Map<string, HTMLElement>();
  readonly #times: Times;
  #oldest: number | undefined;
  #person = 0;

  constructor(talk: Talk, look: Look, files: string, vkey: string | undefined) {
    this.#talk = talk;
    this.#look = look;
    this.#times = new Times(look.zone);
    this.#proofs = new Proofs(talk, files, vkey);
    this.#files = new Files(talk, () => this.#words);
    this.#host = el("lww-chat" as "div", { lang: this.#language, "data-side": look.side });
    const root = this.#host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.#launch = button(
      { class: "launch", "aria-expanded": "false" },
      () => this.open(),
      icon("chat"),
      this.#badge,
    );
    this.#log = el("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0" });
    this.#log.append(this.#earlier, this.#list);
    this.#input = el("textarea", { rows: "1", maxlength: "5000", enterkeyhint: "send" });
    this.#form = el(
      "form",
      {},
      this.#files.input,
      this.#files.add,
      this.#input,
      el("button", { type: "submit", class: "send" }, icon("send")),
    );
    this.#panel = el("section", { class: "panel", role: "dialog", hidden: true });
    this.#panel.append(
      this.#header,
      this.#log,
      this.#paged,
      this.#typing,
      this.#notice,
      this.#receipts,
      this.#files.bar,
      this.#form,
      this.#consent,
    );
    this.#files.takes(this.#panel);
    root.append(this.#launch, this.#panel);
    this.#dress();
    this.#listen();
    document.body.append(this.#host);
    if (talk.keep.now.open) this.open(false);
    // Somebody who was here before hears what came meanwhile; whoever only passes by is not counted as a visit.
    else if (talk.keep.now.token) talk.link.start();
    this.draw();
    setInterval(() => this.draw(), 1_000);
  }

  get #words(): Words {
    return WORDS[this.#language];
  }

  get #language(): Language {
    return this.#talk.keep.now.language ?? this.#look.language;
  }

  open(focus = true): void {
    this.#panel.hidden = false;
    this.#launch.hidden = true;
    this.#launch.setAttribute("aria-expanded", "true");
    this.#talk.keep.set({ open: true });
    this.#talk.link.start();
    this.draw();
    this.#log.scrollTop = this.#log.scrollHeight;
    if (focus) this.#input.focus();
  }

  close(): void {
    this.#panel.hidden = true;
    this.#launch.hidden = false;
    this.#launch.setAttribute("aria-expanded", "false");
    this.#talk.keep.set({ open: false });
    this.draw();
    this.#launch.focus();
  }

  /** Draws what is another than before. */
  draw(): void {
    const words = this.#words;
    if (this.#person !== this.#talk.person) this.#begin();
    const unread = this.#panel.hidden ? this.#talk.unread() : 0;
    this.#badge.hidden = unread === 0;
    this.#badge.textContent = unread > 99 ? "99+" : String(unread);
    this.#launch.setAttribute(
      "aria-label",
      unread === 0 ? words.open : words.open + words.comma + words.unread(unread),
    );
    if (this.#panel.hidden) return;
    if (document.visibilityState === "visible") this.#talk.read();
    this.#drawHeader(words);
    this.#drawLog(words);
    show(this.#typing, String(this.#talk.isTyping), () => (this.#talk.isTyping ? [words.typing] : []));
    this.#drawNotice(words);
    if (!this.#receipts.hidden) this.#proofs.draw();
  }

  /** Somebody else is here: what the one before had in front of them is gone. */
  #begin(): void {
    this.#person = this.#talk.person;
    this.#files.draw();
    this.#paged.textContent = "";
    if (!this.#receipts.hidden) this.#aside(false);
  }

  /** Takes away what was being written. */
  forget(): void {
    this.#input.value = "";
    this.#grow();
  }

  #dress(): void {
    const { colour, theme } = this.#look;
    if (colour !== undefined) {
      this.#host.style.setProperty("--lww-colour", colour);
      this.#host.style.setProperty("--lww-on-colour", readableOn(colour));
    }
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const follow = () =>
      this.#host.toggleAttribute("data-dark", theme === "dark" || (theme !== "light" && dark.matches));
    dark.addEventListener("change", follow);
    follow();
    this.#host.dataset["size"] = String(this.#talk.keep.now.size);
    this.#speak();
  }

  /** Puts everything that stands still into the language. */
  #speak(): void {
    const words = this.#words;
    this.#host.lang = this.#language;
    this.#panel.setAttribute("aria-label", this.#title);
    this.#log.setAttribute("aria-label", words.log);
    this.#earlier.textContent = words.earlier;
    this.#input.placeholder = words.input;
    this.#input.setAttribute("aria-label", words.input);
    this.#form.querySelector(".send")?.setAttribute("aria-label", words.send);
    this.#files.draw();
    const { consent, consentLink } = this.#look;
    const text = consent ?? words.consent;
    const linked =
      consentLink === undefined
        ? text
        : el("a", { href: consentLink, target: "_blank", rel: "noopener" }, text);
    this.#consent.replaceChildren(linked);
    for (const item of this.#items.values()) item.remove();
    this.#items.clear();
    for (const part of [this.#header, this.#typing, this.#notice]) delete part.dataset["is"];
    if (!this.#receipts.hidden) this.#showReceipts();
  }

  get #title(): string {
    return this.#look.title ?? this.#words.title;
  }

  #listen(): void {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#input.addEventListener("keydown", (event) => {
      // Enter while a word is being composed chooses the word.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#send();
      }
    });
    this.#input.addEventListener("input", () => {
      this.#grow();
      this.#talk.types();
    });
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (this.#receipts.hidden) this.close();
      else this.#hideReceipts();
    });
    this.#log.addEventListener("scroll", () => {
      // Whoever has got to the button with the keyboard presses it themselves.
      if (this.#isAtTop() && !this.#earlier.matches(":focus")) void this.#page();
    });
    document.addEventListener("visibilitychange", () => this.draw());
  }

  #isAtTop(): boolean {
    return this.#log.scrollTop < this.#earlier.offsetHeight;
  }

  /** Shows what was said before; what is in front of the eyes stays there. */
  async #page(): Promise<void> {
    const hadFocus = this.#earlier.matches(":focus");
    const came = await this.#talk.earlier();
    if (came > 0) this.#paged.textContent = this.#words.came(came);
    // Who pressed the last of it is not left without a place.
    if (hadFocus && this.#earlier.hidden) this.#log.focus({ preventScroll: true });
  }

  #send(): void {
    const text = this.#input.value.trim();
    if (text === "" || new TextEncoder().encode(text).length > TEXT_BYTES_MAX) return;
    this.#input.value = "";
    this.#grow();
    this.#talk.say(text);
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #grow(): void {
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight + 2, 120)}px`;
  }

  #drawHeader(words: Words): void {
    const { health, state } = this.#talk;
    const live = state === "assigned" ? words.assigned : words.live;
    // What follows of being offline stands above the input.
    const told = health === "live" ? live : health === "offline" ? words.away : words[health];
    const tools = this.#receipts.hidden;
    show(this.#header, `${told}${tools}`, () => [
      ...(this.#look.logo === undefined ? [] : [el("img", { src: this.#look.logo, alt: "" })]),
      el("div", {}, el("h2", {}, this.#title), el("span", { class: "health", role: "status" }, told)),
      el(
        "span",
        { class: "tools" },
        tools
          ? button(
              { class: "tool receipts-open", "aria-label": words.receipts, title: words.receipts },
              () => this.#showReceipts(),
              icon("shield"),
            )
          : button(
              { class: "tool", "aria-label": words.back, title: words.back },
              () => this.#hideReceipts(),
              icon("back"),
            ),
        button(
          { class: "tool", "aria-label": `A+ ${words.text}`, title: words.text },
          () => this.#resize(),
          "A+",
        ),
        button(
          {
            class: "tool",
            lang: this.#language === "en" ? "zh-CN" : "en",
            "aria-label": `${words.language} ${words.inLanguage}`,
            title: words.inLanguage,
          },
          () => this.#translate(),
          words.language,
        ),
        button(
          { class: "tool", "aria-label": words.close, title: words.close },
          () => this.close(),
          icon("close"),
        ),
      ),
    ]);
  }

  #resize(): void {
    const size = (this.#talk.keep.now.size + 1) % 3;
    this.#talk.keep.set({ size });
    this.#host.dataset["size"] = String(size);
  }

  #translate(): void {
    this.#talk.keep.set({ language: this.#language === "en" ? "zh-CN" : "en" });
    this.#speak();
    this.draw();
  }

  #drawLog(words: Words): void {
    const below = this.#log.scrollHeight - this.#log.scrollTop;
    const atEnd = below - this.#log.clientHeight < 60;
    const said = this.#talk.shown();
    const isPaged = this.#oldest !== undefined && said[0] !== undefined && said[0].index < this.#oldest;
    this.#oldest = said[0]?.index;
    // Earlier messages are no news, which a screen reader would read out.
    this.#log.setAttribute("aria-live", isPaged ? "off" : "polite");
    const isNew = this.#earlier.hidden && this.#talk.hasEarlier;
    this.#earlier.hidden = !this.#talk.hasEarlier;
    this.#earlier.setAttribute("aria-disabled", String(this.#talk.isPaging));
    this.#arrange(this.#wanted(said, words));
    if (isPaged) this.#log.scrollTop = this.#log.scrollHeight - below;
    else if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
    // Whoever had scrolled to the top before it was known that there is more is not called a second time.
    if (isNew && !atEnd && this.#isAtTop()) void this.#page();
  }

  /** What belongs into the log: names, what they are drawn of, and how. */
  #wanted(messages: Said[], words: Words): Wanted[] {
    const greeting = this.#look.greeting ?? words.greeting;
    const wanted: Wanted[] = this.#talk.hasEarlier
      ? []
      : [["greeting", greeting, () => this.#greeting(greeting, words)]];
    let before = this.#date(new Date().toISOString());
    for (const said of messages) {
      const isRead = said.by === "customer" && said.index <= this.#talk.readByBank;
      const date = this.#date(said.time);
      const day = date === before ? "" : date;
      before = date;
      wanted.push([
        `m${said.index}`,
        `${isRead}${day}${said.file?.kept}${said.text}`,
        () => this.#message(said, isRead, day, words),
      ]);
    }
    for (const waiting of this.#talk.waiting()) {
      wanted.push([`p${waiting.key}`, waiting.refused ?? "", () => this.#pendingMessage(waiting, words)]);
    }
    return wanted;
  }

  /** Puts them in, in their order; what is there already stays. */
  #arrange(wanted: Wanted[]): void {
    const names = new Set(wanted.map(([name]) => name));
    for (const [name, item] of this.#items) {
      if (names.has(name)) continue;
      item.remove();
      this.#items.delete(name);
    }
    wanted.forEach(([name, signature, make], at) => {
      const before = this.#items.get(name);
      const item = before?.dataset["is"] === signature ? before : make();
      item.dataset["is"] = signature;
      if (item !== before) before?.remove();
      this.#items.set(name, item);
      if (this.#list.children[at] !== item) this.#list.insertBefore(item, this.#list.children[at] ?? null);
    });
  }

  #greeting(text: string, words: Words): HTMLElement {
    return el(
      "li",
      { class: "said server" },
      el("span", { class: "away" }, words.by.server),
      el("p", { class: "text" }, text),
    );
  }

  #message(said: Said, isRead: boolean, day: string, words: Words): HTMLElement {
    const time = el("time", { datetime: said.time }, this.#time(said.time));
    const under = el("span", { class: "under" });
    if (said.masked) under.append(el("span", {}, words.masked));
    if (said.by === "customer") {
      const mark = isRead ? words.read : words.recorded;
      const check = () => this.#showReceipts(said.index);
      under.append(
        button({ class: "mark", "aria-label": `${mark} · ${words.check} #${said.index}` }, check, mark),
      );
    }
    const shown = said.file ? this.#files.shown(said, said.file, words) : said.text;
    const item = this.#bubble(said.by, shown, time, under, words);
    if (day !== "") item.prepend(el("span", { class: "day" }, day));
    return item;
  }

  #pendingMessage(waiting: Pending, words: Words): HTMLElement {
    const { refused } = waiting;
    const under = el("span", { class: "under" });
    if (refused === undefined) {
      under.append(words.sending);
    } else {
      const again = () => {
        this.#input.value = this.#talk.takeBack(waiting.key);
        this.#grow();
        this.#input.focus();
      };
      under.append(
        el("span", { class: "bad" }, `${words.refused}: ${refused}`),
        button({}, again, words.edit),
      );
    }
    const item = this.#bubble("customer", waiting.text, "", under, words);
    item.classList.add(refused === undefined ? "pending" : "refused");
    return item;
  }

  #bubble(
    by: Author,
    said: HTMLElement | string,
    time: Node | string,
    under: HTMLElement,
    words: Words,
  ): HTMLElement {
    const who = el("span", { class: "who" }, icon(PICTURES[by]), words.by[by], time);
    const text = typeof said === "string" ? el("p", { class: "text" }, said) : said;
    return el("li", { class: `said ${by}` }, who, text, under);
  }

  #drawNotice(words: Words): void {
    const { state, wish, queue, health } = this.#talk;
    const waits = state === "waiting";
    const isLong = waits && this.#talk.waited() >= PATIENCE_MS;
    const wished = wish ?? this.#talk.keep.now.wish ?? null;
    const signature = JSON.stringify([this.#receipts.hidden, health, state, wished, queue, isLong]);
    show(this.#notice, signature, () => {
      this.#notice.className = "";
      if (!this.#receipts.hidden) return [];
      const notice = (kind: string, ...lines: (Node | string)[]) => {
        this.#notice.className = `notice ${kind}`;
        return lines.map((line) => (typeof line === "string" ? el("p", {}, line) : line));
      };
      if (health === "offline" || health === "expired") return notice("warn", words[health]);
      if (state === "solved" || state === "closed") return notice("", words.over);
      if (!waits) return [];
      if (wished !== null) return notice("", words.wished[wished]);
      if (queue !== undefined && !queue.open) {
        const opens = queue.opens === null ? "" : words.comma + words.opens(this.#day(queue.opens));
        return notice("warn", words.closed + opens, this.#ways(words));
      }
      const place = queue === undefined ? [] : [this.#place(queue.position, queue.wait_s, words)];
      return isLong
        ? notice("warn", ...place, words.long, this.#ways(words))
        : place.length
          ? notice("", ...place)
          : [];
    });
  }

  #place(position: number, waitS: number | null, words: Words): string {
    const place = position <= 1 ? words.next : words.place(position - 1);
    return waitS === null ? place : place + words.comma + words.wait(Math.max(1, Math.ceil(waitS / 60)));
  }

  #ways(words: Words): HTMLElement {
    const way = (wish: "message" | "callback") => {
      const act = () => {
        this.#talk.wishes(wish);
        this.#input.focus();
      };
      return button({ class: "way" }, act, words[wish]);
    };
    return el("div", { class: "ways" }, way("message"), way("callback"));
  }

  /** Every message's receipt; the one that was asked for is verified at once. */
  #showReceipts(index?: number): void {
    this.#receipts.replaceChildren(...this.#proofs.page(this.#words, (time) => this.#day(time)));
    this.#aside(true);
    this.#header.querySelector<HTMLElement>(".tool")?.focus();
    const label = `${this.#words.check} #${index}`;
    const asked = this.#receipts.querySelector<HTMLElement>(`[aria-label="${label}"]`);
    asked?.click();
    asked?.scrollIntoView({ block: "nearest" });
  }

  #hideReceipts(): void {
    this.#aside(false);
    this.#header.querySelector<HTMLElement>(".receipts-open")?.focus();
  }

  #aside(isShown: boolean): void {
    this.#receipts.hidden = !isShown;
    if (!isShown) this.#proofs.leave();
    for (const part of [this.#log, this.#typing, this.#files.bar, this.#form, this.#consent])
      part.hidden = isShown;
    this.draw();
  }

  #time(text: string): string {
    return this.#format(text, { hour: "2-digit", minute: "2-digit" });
  }

  #date(text: string): string {
    return this.#format(text, { dateStyle: "long" });
  }

  #day(text: string): string {
    return this.#format(text, { dateStyle: "medium", timeStyle: "short" });
  }

  #format(text: string, style: Intl.DateTimeFormatOptions): string {
    return this.#times.of(text, this.#language, style);
  }
}
