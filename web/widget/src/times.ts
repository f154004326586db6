/** Times as they stand on the screen: in the tenant's zone, as the language writes them. */
export class Times {
  readonly #zone: string;
  /** Making one takes long. */
  readonly #formats = new Map<string, Intl.DateTimeFormat>();

  constructor(zone: string) {
    this.#zone = zone;
  }

  /** A time of RFC 3339 in words. */
  of(text: string, language: string, style: Intl.DateTimeFormatOptions): string {
    const name = `${language}${JSON.stringify(style)}`;
    const known = this.#formats.get(name);
    const format = known ?? new Intl.DateTimeFormat(language, { ...style, timeZone: this.#zone });
    this.#formats.set(name, format);
    return format.format(new Date(text));
  }
}
