import { UsageError } from './settings.ts';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `90d`, `24h`, `30m`, `45s` or `0`. Throws a `UsageError` that names the flag. */
export function readDuration(flag: string, text: string): number {
  if (text === '0') return 0;
  const [, number, unit = ''] = /^([1-9][0-9]{0,6})([smhd])$/.exec(text) ?? [];
  const size = units[unit];
  if (number !== undefined && size !== undefined) return Number(number) * size;
  throw new UsageError(
    `${flag} must be a whole number with s, m, h or d, as in 90d or 24h (got "${text.slice(0, 100)}")`,
  );
}
