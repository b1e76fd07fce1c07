/**
 * Delegate selectors: every selector of a task must be fulfilled by a delegate's tags. In a plain list each is a
 * tag: compared as a whole text, trimmed and without regard to case; no OR, no patterns. Where a connector asks
 * for it, each is an expression.
 */
import { RequestError } from './errors.ts';
import {
  distance,
  formatExpression,
  formatSelector,
  mapTags,
  normalise,
  parseSelectorExpression,
  type Selector,
  satisfies,
  tagSelector,
  unmetParts,
} from './selector-expression.ts';

export type { Selector };

/** How a list of selectors is meant; undefined: each is a tag. */
export type SelectorSyntax = 'expression';

/** Throws a `RequestError` for an expression that is none. */
export function readSelectors(texts: readonly string[], syntax: SelectorSyntax | undefined): Selector[] {
  return texts.map(syntax === 'expression' ? parseSelectorExpression : tagSelector);
}

/** What is wrong with an expression; undefined where nothing is. */
export function selectorProblem(expression: string): string | undefined {
  try {
    parseSelectorExpression(expression);
    return undefined;
  } catch (error) {
    if (error instanceof RequestError) return error.problems.join('\n');
    throw error;
  }
}

/**
 * The same selectors with what their tags stand for. Of an expression, a value is one tag, whatever is in it: who
 * writes a value does not decide what is asked for.
 */
export async function resolveSelectors(
  texts: readonly string[],
  syntax: SelectorSyntax | undefined,
  valueOfTag: (text: string) => Promise<string>,
): Promise<string[]> {
  if (syntax === undefined) return Promise.all(texts.map(valueOfTag));
  const selectors = await Promise.all(
    readSelectors(texts, syntax).map(selector => mapTags(selector, valueOfTag)),
  );
  const resolved = selectors.map(formatExpression);
  // Values may make it longer than an expression may be: better said now than when it is used.
  readSelectors(resolved, syntax);
  return resolved;
}

/** A delegate's set of tags: what it was given, and its name and host name, which are tags by themselves. */
export function tagSet(delegate: { name: string; hostName: string; tags: readonly string[] }): Set<string> {
  return new Set(
    [...delegate.tags, delegate.name, delegate.hostName].map(normalise).filter(tag => tag !== ''),
  );
}

/** Does it fulfil every one of them? */
export function fulfils(selectors: readonly Selector[], tags: ReadonlySet<string>): boolean {
  // A loop, as this is asked for every delegate there is.
  for (const selector of selectors) {
    if (selector.kind === 'tag' ? !tags.has(selector.key) : !satisfies(selector, tags)) return false;
  }
  return true;
}

/** What a delegate does not fulfil, as it was written, of an expression the smallest part. Empty: it fits. */
export function missingSelectors(selectors: readonly Selector[], tags: ReadonlySet<string>): string[] {
  return unmet(selectors, tags).map(formatSelector);
}

/** The same for a person: "its tags lack …, and … is excluded"; undefined where it fits. */
export function describeMissing(
  selectors: readonly Selector[],
  tags: ReadonlySet<string>,
): string | undefined {
  const parts = unmet(selectors, tags);
  const excluded = (part: Selector) => part.kind === 'not' && part.operand.kind === 'tag';
  const list = (some: readonly Selector[]) => some.map(part => `"${formatSelector(part)}"`).join(', ');
  const lacks = parts.filter(part => !excluded(part));
  const has = parts.filter(excluded).map(part => (part.kind === 'not' ? part.operand : part));
  const sentences = [
    ...(lacks.length > 0 ? [`its tags lack ${list(lacks)}`] : []),
    ...(has.length > 0 ? [`its tags hold ${list(has)}, which must not be there`] : []),
  ];
  return sentences.length > 0 ? sentences.join(', and ') : undefined;
}

/** How many tags stand between a delegate and fitting. */
export function selectorDistance(selectors: readonly Selector[], tags: ReadonlySet<string>): number {
  return selectors.reduce((sum, selector) => sum + distance(selector, tags), 0);
}

function unmet(selectors: readonly Selector[], tags: ReadonlySet<string>): Selector[] {
  return selectors.flatMap(selector => unmetParts(selector, tags));
}
