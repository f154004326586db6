/** The customer's receipts on the screen: verify one, keep it as a file, verify a file that was kept. */
import { button, el } from "./dom";
import type { Checked } from "./receipts";
import type { Talk } from "./talk";
import type { Words } from "./words";
import type { Said } from "./wire";

type Checker = { check(receipt: string, vkey: string): Promise<Checked> };

export class Proofs {
  readonly #talk: Talk;
  readonly #files: string;
  readonly #pinned: string | undefined;
  #checker: Promise<Checker> | undefined;

  /** `files` is where the widget's second file lies; a page that pins the log's key says it in `vkey`. */
  constructor(talk: Talk, files: string, vkey: string | undefined) {
    this.#talk = talk;
    this.#files = files;
    this.#pinned = vkey;
  }

  /** The panel's content. */
  page(words: Words, time: (text: string) => string): readonly Node[] {
    const verdict = () => el("p", { class: "verdict", role: "status" });
    const fileVerdict = verdict();
    const file = el("input", {
      type: "file",
      class: "away",
      accept: ".tlog-proof,text/plain",
      id: "lww-file",
    });
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen !== undefined) void this.#tell(fileVerdict, words, time, () => chosen.text());
      file.value = "";
    });
    const items = this.#talk.said().map((said) => {
      const own = verdict();
      return el(
        "li",
        {},
        el("span", { class: "words" }, said.text),
        el(
          "span",
          { class: "under" },
          `#${said.index}`,
          button(
            { "aria-label": `${words.check} #${said.index}` },
            () => this.check(said, own, words, time),
            words.check,
          ),
          button(
            { "aria-label": `${words.download} #${said.index}` },
            () => void this.#save(said, own, words),
            words.download,
          ),
        ),
        own,
      );
    });
    const key = el("p", { class: "key" });
    void this.#key().then(
      (vkey) => key.append(`${words.key}: ${vkey.trim()}`),
      () => {},
    );
    return [
      el("p", {}, words.receiptsAbout),
      el("div", { class: "ways" }, el("label", { class: "button", for: "lww-file" }, words.checkFile), file),
      fileVerdict,
      items.length === 0 ? el("p", {}, words.empty) : el("ul", {}, ...items),
      key,
    ];
  }

  /** Verifies a message's receipt and says what came of it. */
  check(said: Said, verdict: HTMLElement, words: Words, time: (text: string) => string): void {
    void this.#tell(verdict, words, time, () => this.#talk.receipt(said.index), [said.index, said.again]);
  }

  async #tell(
    verdict: HTMLElement,
    words: Words,
    time: (text: string) => string,
    receipt: () => Promise<string>,
    entries?: (number | null | undefined)[],
  ): Promise<void> {
    verdict.className = "verdict";
    verdict.textContent = words.checking;
    try {
      const text = await receipt().catch(() => undefined);
      if (text === undefined) {
        verdict.textContent = words.notYet;
        return;
      }
      const [{ check }, vkey] = await Promise.all([this.#load(), this.#key()]);
      const checked = await check(text, vkey);
      // A good receipt of something else proves nothing of this message. One that was masked again is proven by either entry.
      const is = checked.ok && (entries === undefined || entries.includes(checked.index));
      verdict.classList.add(is ? "good" : "bad");
      verdict.textContent = is ? words.valid(checked.index ?? 0, time(checked.time ?? "")) : words.invalid;
    } catch (error) {
      verdict.classList.add("bad");
      verdict.textContent = error instanceof OtherKey ? words.otherKey : words.invalid;
    }
  }

  async #save(said: Said, verdict: HTMLElement, words: Words): Promise<void> {
    try {
      const text = await this.#talk.receipt(said.index);
      const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      el("a", { href: address, download: `${said.index}.tlog-proof` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    } catch {
      verdict.textContent = words.notYet;
    }
  }

  /** The log's key: as the page pins it, or as it was first seen; another one later is not taken. */
  async #key(): Promise<string> {
    const known = this.#pinned ?? this.#talk.keep.now.vkey;
    const told = await this.#talk.link.text("vkey");
    if (known === undefined) this.#talk.keep.set({ vkey: told });
    else if (known.trim() !== told.trim()) throw new OtherKey();
    return told;
  }

  #load(): Promise<Checker> {
    this.#checker ??= import(/* @vite-ignore */ `${this.#files}widget/receipts.js`) as Promise<Checker>;
    return this.#checker;
  }
}

class OtherKey extends Error {}
