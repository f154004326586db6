/**
 * The customer's chat window as one script of the bank's page:
 *
 *     <script src="https://chat.bank.example/widget.js" data-account="bank/widget" defer></script>
 *
 * What it looks like and says is in the script's `data-` attributes; who is logged in, the page tells by `lww.identify`.
 */
import { Keep } from "./keep";
import { Talk } from "./talk";
import { type Look, View } from "./view";
import type { Proof } from "./link";
import type { About } from "./wire";
import type { Language } from "./words";

const script = document.currentScript as HTMLScriptElement;
const { dataset } = script;
const files = new URL(".", script.src).href;
const server = new URL(dataset["server"] ?? "/", files).origin;
const [tenant = "", account = ""] = (dataset["account"] ?? "").split("/");

const look: Look = {
  language: language(dataset["lang"] ?? document.documentElement.lang ?? navigator.language),
  colour: dataset["colour"],
  logo: dataset["logo"],
  title: dataset["title"],
  greeting: dataset["greeting"],
  consent: dataset["consent"],
  consentLink: dataset["consentLink"],
  side: dataset["side"],
  theme: dataset["theme"],
  zone: dataset["zone"] ?? "Asia/Shanghai",
};

let view: View | undefined;
const keep = new Keep(`${server}/${tenant}/${account}`, dataset["remember"] !== undefined, logout);
const talk = new Talk(`${server}/api/v1/channels/web/${tenant}/${account}`, keep, () => view?.draw());
talk.link.identify(undefined, {}, look.language);

function language(tag: string): Language {
  return tag.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

function begin(): void {
  view = new View(talk, look, files, dataset["vkey"]);
}

if (document.body === null) addEventListener("DOMContentLoaded", begin);
else begin();

/** Somebody is logged in to the page, as the bank's own server vouches for; `about` is what it says of them. Proofs grow old:
 *  a function that fetches one is asked again when another is needed. */
export function identify(proof: Proof, about: About = {}): void {
  talk.identify(proof, about, look.language, true);
}

/** Nobody is logged in any more: what was said is gone from this page, and the next one is another visitor. */
export function logout(): void {
  talk.identify(undefined, {}, look.language, false);
  view?.forget();
}

/** Opens the window. */
export function open(): void {
  view?.open();
}

/** Closes the window. */
export function close(): void {
  view?.close();
}
