/** Looks into data of unknown shape: parsed YAML and JSON. */

/** What is at the end of the path, or undefined. */
export function at(data: unknown, ...path: readonly (string | number)[]): unknown {
  let here = data;
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = new Map(Object.entries(here)).get(String(step));
  }
  return here;
}

/** The list at the end of the path; an empty one when nothing is there. */
export function listAt(data: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(data, ...path) ?? [];
  if (!Array.isArray(found)) throw new Error(`no list at ${path.join('.')}`);
  return found;
}

/** The element of a list of named things. */
export function named(list: readonly unknown[], name: string): unknown {
  return list.find(item => at(item, 'name') === name);
}

/** The keys of an object; none of anything else. */
export function keysOf(data: unknown): readonly string[] {
  return typeof data === 'object' && data !== null ? Object.keys(data) : [];
}
