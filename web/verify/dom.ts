/** Makes elements. Text is always text: nothing of a package can become markup. */
export type Child = Node | string | null | false;

export interface Attributes {
  readonly [name: string]: string | boolean | undefined | ((event: Event) => void);
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  made.append(...children.filter((child): child is Node | string => child !== null && child !== false));
  return made;
}

/** A list of facts: each a name and what it is; those that are absent are left out. */
export function facts(...rows: readonly (readonly [string, Child | readonly Child[]])[]): HTMLElement {
  const there = rows.filter(([, value]) => value !== null && value !== false && value !== "");
  return el(
    "dl",
    {},
    ...there.map(([name, value]) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, ...(Array.isArray(value) ? value : [value as Child]))),
    ),
  );
}

export function code(text: string): HTMLElement {
  return el("code", {}, text);
}
