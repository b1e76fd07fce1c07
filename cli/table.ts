/** Rows as columns that are as wide as they need. Control characters are replaced: rows hold what others said. */
import { printable } from './printable.ts';

export function table(heading: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const texts = [heading, ...rows].map(row => row.map(data => printable(cell(data))));
  const widths = heading.map((_, column) => Math.max(...texts.map(row => row[column]?.length ?? 0)));
  return texts
    .map(
      row =>
        `${row
          .map((text, column) => text.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function cell(data: unknown): string {
  if (Array.isArray(data)) return data.map(cell).join(', ');
  return typeof data === 'string' || typeof data === 'number' ? String(data) : '';
}
