/** What measurements share: percentiles, and lines in the columns of the other benchmarks. */

/** The value that this share of all stays within. */
export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}

/** One line of figures. */
export function line(name: string, ...figures: string[]): void {
  console.log([name.padEnd(34), ...figures].join("   "));
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
