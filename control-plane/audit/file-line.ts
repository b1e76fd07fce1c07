import { canonicalJson } from '../domain/canonical-json.ts';
import type { Link } from './chain.ts';

/** A line of the file: the link, and the hash before it, so that a file can begin anywhere. */
export interface FileLine extends Link {
  readonly previous: string;
}

export function formatLine({ record, hash }: Link, previous: string): string {
  return `{"hash":"${hash}","prev":"${previous}","record":${record}}\n`;
}

/** Undefined for what is no such line. */
export function parseLine(line: string): FileLine | undefined {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof data !== 'object' || data === null) return undefined;
  const { hash, prev, record }: Record<string, unknown> = { ...data };
  if (typeof hash !== 'string' || typeof prev !== 'string') return undefined;
  if (typeof record !== 'object' || record === null || !('seq' in record)) return undefined;
  if (typeof record.seq !== 'number') return undefined;
  return { seq: record.seq, record: canonicalJson(record), hash, previous: prev };
}
