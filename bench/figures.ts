/** What benchmarks share: percentiles, and lines of a table. */

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
  if (value === undefined) throw new Error('there are no values');
  return value;
}

const width = 12;

/** A line: the first cell wide, the others to the right. */
export const row = ([first = '', ...others]: readonly string[]): string =>
  `${first.padEnd(2 * width)}${others.map(cell => cell.padStart(width)).join('')}\n`;
