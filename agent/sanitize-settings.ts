/** The operator's patterns for what is masked in the output of scripts. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FindMatches, noPatterns, readPatterns } from './script/custom-patterns.ts';
import { codeOf, type Found, SettingsError } from './setting-values.ts';

const fileName = 'sanitize-patterns.txt';
/** Where the original has it. */
const originalFolder = '/opt/harness-delegate';

/** Reads the file that is named, or one that is there. Throws a `SettingsError`: without it too much would be shown. */
export function sanitizePatterns(found: Found | undefined, home: string | undefined): FindMatches {
  const usual = [...(home ? [join(home, fileName)] : []), join(originalFolder, fileName)];
  const path = found?.text ?? usual.find(existsSync);
  if (path === undefined) return noPatterns;
  const from = found?.from ?? 'LEGATE_SANITIZE_PATTERNS (by default)';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`${from}: cannot read the file of patterns ${path} (${codeOf(error)})`);
  }
  try {
    return readPatterns(text);
  } catch (error) {
    throw new SettingsError(`${from}: ${path}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}
