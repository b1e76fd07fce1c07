/** Rules that several settings share, and how a wrong one is told. */
import { isAbsolute } from 'node:path';

/** A wrong setting: one line that names the setting, the rule and the fix, and never a secret. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(message: string) {
    // What it quotes may hold line ends.
    super(message.replaceAll(/\s*[\r\n]+\s*/g, ' '));
  }
}

/** A setting as it was found: its text and, for messages, where. */
export interface Found {
  readonly text: string;
  readonly from: string;
  /** 1 for the settings file, 2 for the environment, 3 for a flag. */
  readonly strength: number;
}

/** Splits a list as Harness does: at commas with blanks around them; empty parts are dropped. */
export function list(text = ''): string[] {
  return text
    .split(/\s*,+\s*/)
    .map(part => part.trim())
    .filter(part => part !== '');
}

/** A whole number. */
export function integer(found: Found | undefined, fallback: number, least: number, most: number): number {
  if (!found) return fallback;
  const value = /^[0-9]{1,9}$/.test(found.text) ? Number(found.text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new SettingsError(
      `${found.from} must be a whole number from ${least} to ${most} (got "${found.text}")`,
    );
  }
  return value;
}

/** One of these words, in any case. */
export function oneOf<T extends string>(found: Found | undefined, choices: readonly T[], fallback: T): T {
  if (!found) return fallback;
  const text = found.text.toLowerCase();
  const choice = choices.find(known => known === text);
  if (choice !== undefined) return choice;
  throw new SettingsError(`${found.from} must be one of ${choices.join(', ')} (got "${found.text}")`);
}

export function absolutePath(found: Found | undefined): string | undefined {
  if (found && !isAbsolute(found.text)) {
    throw new SettingsError(`${found.from} must be an absolute path (got "${found.text}")`);
  }
  return found?.text;
}

/** The system's code of an error, as in ENOENT. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}
