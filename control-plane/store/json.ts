import type { Generation, SecretType } from '../domain/entities.ts';

/** Reads a JSON column that holds a list of texts. Checked, not cast: a cast would not notice a damaged file. */
export function textList(json: string): string[] {
  const data: unknown = JSON.parse(json);
  if (Array.isArray(data) && data.every(item => typeof item === 'string')) return data;
  throw new Error('the store holds a list of texts that is none');
}

/** The same for lists by name. */
export function textLists(json: string): Record<string, string[]> {
  const data: unknown = JSON.parse(json);
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new Error('the store holds lists of texts that are none');
  return Object.fromEntries(
    Object.entries(data).map(([name, list]) => [name, textList(JSON.stringify(list))]),
  );
}

export function generationOf(text: string): Generation {
  if (text === 'NG' || text === 'FirstGen') return text;
  throw new Error('the store holds a generation that is none');
}

export function secretTypeOf(text: string): SecretType {
  if (text === 'SecretText' || text === 'SecretFile' || text === 'SSHKey') return text;
  throw new Error('the store holds a type of secret that is none');
}
