/** The files that commands take: YAML, and what its SecretFile documents name. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { object, text } from './json.ts';
import { UsageError } from './settings.ts';
import { findDocuments } from './yaml.ts';

/** One file's name and text, and the files that belong to it as base64, by the path that is written there. */
export interface Source {
  readonly name: string;
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
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

/** The source with the files that its SecretFile documents name. Throws a `UsageError` for one that can't be read. */
export function withFiles(source: Source): Source {
  const found = findDocuments(source.text);
  // What is wrong with the YAML is said by the control plane.
  if (!found.ok) return source;
  const files: Record<string, string> = {};
  for (const { data } of found.documents) {
    const path = fileOf(data);
    if (path !== undefined) files[path] = readFile(beside(source, path)).toString('base64');
  }
  return Object.keys(files).length > 0 ? { ...source, files } : source;
}

/** The file that a document takes its value from. */
export function fileOf(data: unknown): string | undefined {
  const { type, spec } = object(object(data).secret);
  const path = text(object(spec).file);
  return type === 'SecretFile' && path !== '' ? path : undefined;
}

/** A path as it is written in a source, which is relative to it. */
export const beside = ({ name }: Source, path: string) =>
  resolve(name === 'standard input' ? '.' : dirname(name), path);

/** Is the file, links followed, in the folder or below it? */
export function isInside(folder: string, path: string): boolean {
  try {
    return realpathSync(path).startsWith(`${realpathSync(folder)}${sep}`);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readSource(path: string): Source {
  return { name: path, text: decode(path, readFile(path)) };
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
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
