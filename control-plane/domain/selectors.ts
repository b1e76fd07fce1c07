/**
 * Delegate selectors: every selector of a task must be among a delegate's tags. Compared as whole texts,
 * trimmed and without regard to case; no OR, no patterns.
 */

/** A tag or selector as it is compared. */
export const normalise = (text: string) => text.trim().toLowerCase();

/** A delegate's set of tags: what it was given, and its name and host name, which are tags by themselves. */
export function tagSet(delegate: { name: string; hostName: string; tags: readonly string[] }): Set<string> {
  return new Set(
    [...delegate.tags, delegate.name, delegate.hostName].map(normalise).filter(tag => tag !== ''),
  );
}

/** The selectors that a delegate does not have, as they were written. Empty: it fits. */
export function missingSelectors(selectors: readonly string[], tags: ReadonlySet<string>): string[] {
  return selectors.filter(selector => !tags.has(normalise(selector)));
}
