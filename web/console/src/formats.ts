// The browser's formats of times, each made once: making one takes a hundred times as long as using it.

const made = new Map<string, Intl.DateTimeFormat>();

/** The format of a language with these options; there are few of both. */
export function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = language + JSON.stringify(options);
  let found = made.get(name);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(language, options);
    made.set(name, found);
  }
  return found;
}
