/**
 * Files: chosen or dropped, sent one after the other with how far each is, and shown by what became of them. What a file of
 * the bank's says can be read here; the file itself is fetched when the customer asks for it.
 */
import { button, el, icon } from "./dom";
import { key, type Talk } from "./talk";
import { Problem } from "./link";
import type { FileInfo, Said } from "./wire";
import type { Words } from "./words";

interface Sending {
  key: string;
  file: File;
  done: number;
  why?: string;
}

export class Files {
  /** What is on its way, and what was not taken. */
  readonly bar = el("div", { class: "sending", role: "status" });
  readonly add: HTMLButtonElement;
  readonly #talk: Talk;
  readonly #words: () => Words;
  /** The system's own way to choose; the button stands for it. */
  readonly input = el("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" });
  #all: Sending[] = [];
  #person = 0;
  #isSending = false;

  constructor(talk: Talk, words: () => Words) {
    this.#talk = talk;
    this.#words = words;
    this.input.addEventListener("change", () => {
      this.send(this.input.files);
      this.input.value = "";
    });
    this.add = button({ class: "add" }, () => this.input.click(), icon("clip"));
  }

  /** Takes what is dropped on a part of the page. */
  takes(part: HTMLElement): void {
    part.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
    part.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.send(event.dataTransfer.files);
    });
  }

  send(files: FileList | null): void {
    if (this.#person !== this.#talk.person) this.#all = [];
    this.#person = this.#talk.person;
    for (const file of files ?? []) this.#all.push({ key: key(), file, done: 0 });
    this.#talk.link.start();
    void this.#run();
  }

  draw(): void {
    if (this.#person !== this.#talk.person) this.#all = [];
    const words = this.#words();
    this.add.setAttribute("aria-label", words.file);
    this.add.title = words.file;
    this.bar.replaceChildren(...this.#all.map((one) => this.#row(one, words)));
  }

  #row(one: Sending, words: Words): HTMLElement {
    const row = el("div", {}, el("span", { class: "words" }, one.file.name));
    if (one.why === undefined) {
      row.append(el("progress", { max: "1", value: String(one.done), "aria-label": words.sending }));
      return row;
    }
    const away = () => {
      this.#all = this.#all.filter((other) => other !== one);
      this.draw();
    };
    const again = () => {
      delete one.why;
      void this.#run();
    };
    row.append(
      el("span", { class: "bad" }, `${words.refused}: ${one.why}`),
      button({}, again, words.again),
      button({}, away, words.dismiss),
    );
    return row;
  }

  async #run(): Promise<void> {
    this.draw();
    if (this.#isSending) return;
    this.#isSending = true;
    for (;;) {
      const one = this.#all.find(({ why }) => why === undefined);
      if (one === undefined) break;
      try {
        await this.#talk.link.upload(one.file, one.key, (done) => {
          one.done = done;
          this.draw();
        });
        this.#all = this.#all.filter((other) => other !== one);
      } catch (error) {
        one.why = error instanceof Problem && error.detail !== "" ? error.detail : this.#words().failed;
        if (error instanceof Problem && error.status === 413) one.why += this.#words().smaller;
      }
      this.draw();
    }
    this.#isSending = false;
  }

  /** A message that was read from a file: its name, what it is, and what of it can be read or fetched. */
  shown(said: Said, info: FileInfo, words: Words): HTMLElement {
    const [name = "", ...lines] = said.text.split("\n");
    const size = info.bytes < 1024 ? `${info.bytes} B` : `${(info.bytes / 1024).toFixed(0)} KB`;
    const told = info.fate === "quarantined" ? words.withheld : info.fate === "sealed" ? words.sealed : "";
    const card = el(
      "div",
      { class: "text file" },
      el("strong", {}, icon("clip"), name),
      el("span", { class: "meta" }, [info.format.toUpperCase(), size, told].filter(Boolean).join(" · ")),
    );
    if (lines.length > 0) {
      card.append(el("details", {}, el("summary", {}, words.content), el("p", {}, lines.join("\n"))));
    }
    if (said.by !== "customer" && info.kept && info.fate === "shown" && !said.masked) {
      const fetch = () => void this.#fetch(said, name).catch(() => (get.textContent = words.failed));
      const get = button({}, fetch, words.download);
      card.append(get);
    }
    return card;
  }

  async #fetch(said: Said, name: string): Promise<void> {
    const address = URL.createObjectURL(await this.#talk.link.file(said.message));
    const link = el("a", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}
