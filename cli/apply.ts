/** `legate apply`: files to the control plane. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from './client.ts';
import { UsageError } from './settings.ts';

/** One file's name and text. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** Reads a file, all YAML files below a folder, or standard input for `-`. Throws a `UsageError`. */
export function readSources(path: string): Source[] {
  try {
    if (path === '-') return [{ name: 'standard input', text: decode('standard input', readFileSync(0)) }];
    if (!statSync(path).isDirectory()) return [readSource(path)];
    const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter(name => /\.ya?ml$/.test(name))
      .sort()
      .map(name => join(path, name));
    if (files.length === 0) throw new UsageError(`there is no .yaml or .yml file below ${path}`);
    return files.map(readSource);
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable(path, error);
  }
}

function readSource(path: string): Source {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  return { name: path, text: decode(path, bytes) };
}

/** Text in another encoding would arrive as a script or an input that nobody has written. */
function decode(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${name} is not UTF-8 text`);
  }
}

function unreadable(path: string, error: unknown): UsageError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  return new UsageError(`cannot read ${path} (${code})`);
}

/** Applies the sources and writes a line per document. */
export async function apply(
  client: Client,
  sources: readonly Source[],
  dryRun: boolean,
  write: (line: string) => void,
): Promise<void> {
  const { applied } = await client.post('/apply', { sources, dryRun });
  for (const item of Array.isArray(applied) ? applied : []) {
    const { kind, reference, change } = item;
    write(`${String(kind)} ${String(reference)} ${String(change)}${dryRun ? ' (dry run)' : ''}\n`);
  }
}
