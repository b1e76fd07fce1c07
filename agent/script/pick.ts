/** One key of a JSON object that a script yields. */
import type { Failure } from '../../protocol/index.ts';
import { toValue } from './value.ts';

export type Picked = { readonly ok: true; readonly bytes: Buffer } | ({ readonly ok: false } & Failure);

/**
 * What the value holds under `key`: a key of its outermost object, or, beginning with `/`, a JSON Pointer (RFC 6901)
 * into it. Text is taken as it is, and by the rules of any value; anything else as JSON. A failure quotes nothing of
 * the value.
 */
export function pick(bytes: Buffer, key: string): Picked {
  const quoted = JSON.stringify(key);
  let data: unknown;
  try {
    data = JSON.parse(bytes.toString());
  } catch {
    return failed('invalid-value', `the script's value is not JSON, so that there is no ${quoted} in it`);
  }
  if (typeof data !== 'object' || data === null)
    return failed(
      'invalid-value',
      `the script's value is no JSON object, so that there is no ${quoted} in it`,
    );
  const found = at(data, key.startsWith('/') ? steps(key) : [key]);
  if (found === undefined || found === null)
    return failed('empty-value', `the script's value holds nothing under ${quoted}`);
  const value = toValue(Buffer.from(typeof found === 'string' ? found : JSON.stringify(found)));
  if (value.ok) return value;
  return failed(value.reason, `what the script's value holds under ${quoted} is empty`);
}

const failed = (reason: Failure['reason'], detail: string): Picked => ({
  ok: false,
  reason,
  detail: detail.slice(0, 1_000),
});

const steps = (pointer: string) =>
  pointer
    .slice(1)
    .split('/')
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));

function at(data: unknown, path: readonly string[]): unknown {
  let here = data;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    // A list has a length, which is none of its members.
    if (Array.isArray(here) && !/^(0|[1-9][0-9]*)$/.test(step)) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

/** Every text in a value that is JSON: each of them may be somebody's value. */
export function textsIn(value: string): string[] {
  if (!/^\s*[[{]/.test(value)) return [];
  let data: unknown;
  try {
    data = JSON.parse(value);
  } catch {
    return [];
  }
  const texts: string[] = [];
  const open = [data];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === 'string') texts.push(next);
    else if (typeof next === 'object' && next !== null) open.push(...Object.values(next));
  }
  return texts;
}
