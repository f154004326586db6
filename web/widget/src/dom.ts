/** Making elements without a string of markup: nothing that somebody wrote can become an element. */

type Children = readonly (Node | string)[];
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** An element with its attributes and children; `false` and `undefined` leave an attribute out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Children
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A button with what it does. */
export function button(attributes: Attributes, act: () => void, ...children: Children): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", act);
  return made;
}

const PATHS = {
  chat: "M4 5h16v11H9l-5 4z",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-7-6 15-3-6z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20c1-4 4-5 7-5s6 1 7 5",
  robot: "M6 9h12v9H6zM12 9V5M9.5 13v.5M14.5 13v.5",
  note: "M12 8h.01M12 11v6M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  shield: "M12 3l7 3v6c0 4-3 7-7 9-4-2-7-5-7-9V6zM9 12l2 2 4-4",
  back: "M15 5l-7 7 7 7",
  clip: "M8 12l6-6a3 3 0 0 1 4 4l-8 8a5 5 0 0 1-7-7l8-8",
} as const;

/** A picture for eyes only: words stand beside it or in its button's label. */
export function icon(name: keyof typeof PATHS): SVGSVGElement {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  picture.append(path);
  return picture;
}

/** Replaces what is inside when it is another; the button at the place of the one that had the focus has it afterwards. */
export function show(parent: HTMLElement, signature: string, make: () => Children): void {
  if (parent.dataset["is"] === signature) return;
  parent.dataset["is"] = signature;
  const focused = (parent.getRootNode() as ShadowRoot).activeElement;
  const at = [...parent.querySelectorAll("button")].findIndex((one) => one === focused);
  parent.replaceChildren(...make());
  parent.querySelectorAll("button")[at]?.focus();
}

/** Black or white, whichever can be read on a colour (WCAG 2.2, relative luminance). */
export function readableOn(colour: string): string {
  const canvas = document.createElement("canvas").getContext("2d");
  if (canvas === null) return "#fff";
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
  const linear = (part: number) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return 1.05 / (luminance + 0.05) >= 4.5 ? "#fff" : "#000";
}
