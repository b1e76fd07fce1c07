/** What readers of documents share. Problems are collected, so that a user sees all of them at once. */
import { limits } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';
import type { InputList } from '../domain/expression.ts';
import { parseExpressions, parseText } from '../domain/expression.ts';
import { nodesOf } from '../domain/expression-tree.ts';
import { duplicates, type InputType } from '../domain/inputs.ts';
import type { Reference } from '../domain/reference.ts';
import { type InputValue, parseInputValue } from '../domain/runtime-input.ts';
import { account, type Scope, scopeOf } from '../domain/scope.ts';
import type { Checked } from './validate.ts';

export type Problems = string[];

export const inputLists: readonly InputList[] = ['environmentVariables', 'inputVariables'];

/** `references`: problems of references, which are told as such where nothing else is wrong. */
export function finish<T>(problems: Problems, make: () => T, references: Problems = []): Checked<T> {
  const all = [...problems, ...references];
  if (all.length === 0) return { ok: true, value: make() };
  return { ok: false, problems: all, ...(problems.length === 0 ? { code: 'INVALID_IDENTIFIER_REF' } : {}) };
}

/** The scope of a document; the account's where it says one that is none, which is a problem. */
export function scopeAt(
  kind: string,
  {
    orgIdentifier,
    projectIdentifier,
  }: { readonly orgIdentifier?: string; readonly projectIdentifier?: string },
  problems: Problems,
  references: Problems = problems,
): Scope {
  const isLost = Boolean(projectIdentifier) && !orgIdentifier;
  return (
    attempt(isLost ? `${kind}.orgIdentifier: ` : `${kind}.`, isLost ? references : problems, () =>
      scopeOf(orgIdentifier, projectIdentifier),
    ) ?? account
  );
}

/** What `read` gives; undefined, and a problem, where it refuses. */
export function referenceAt(read: () => Reference, field: string, problems: Problems): Reference {
  return attempt(`${field}: `, problems, read) ?? { scope: account, identifier: '' };
}

function attempt<T>(prefix: string, problems: Problems, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    problems.push(...error.problems.map(problem => prefix + problem));
    return undefined;
  }
}

export function typeOf(text: string): InputType {
  const kind = text.toLowerCase();
  return kind === 'number' ? 'Number' : kind === 'secret' ? 'Secret' : 'String';
}

/**
 * A value of an input: fixed text, with or without expressions, or `<+input>…`. Of what is secret, and of what may
 * be, problems quote nothing.
 */
export function inputValueAt(
  at: string,
  text: string,
  problems: Problems,
  { type, quote = type !== 'Secret' }: { readonly type: InputType; readonly quote?: boolean },
): InputValue {
  problems.push(...textProblems(at, text));
  const parsed = parseInputValue(text, type);
  if (!parsed.ok) {
    problems.push(`${at}: ${quote ? parsed.problem : 'it holds an <+input> that is not understood'}`);
    return { kind: 'fixed', text };
  }
  if (parsed.value.kind === 'fixed') problems.push(...expressionProblems(at, text, quote));
  return parsed.value;
}

/** A text in which expressions may stand. */
export function expressionProblems(at: string, text: string, quote = true): Problems {
  const parsed = parseText(text);
  if (parsed.ok) return [];
  if (quote) return [`${at}: ${parsed.problem}`];
  const { expressions, unterminated } = parseExpressions(text, 'NG');
  const starts = [...expressions.filter(({ meaning }) => !meaning.ok), ...unterminated].map(
    ({ start }) => start + 1,
  );
  return [`${at}: the expression at character ${Math.min(...starts)} is not understood`];
}

/** A text that is shown, or decides where a task goes: no secret may stand in it. */
export function publicTextProblems(at: string, text: string): Problems {
  const parsed = parseText(text);
  if (!parsed.ok) return [`${at}: ${parsed.problem}`];
  const holdsSecret = [...nodesOf(parsed.expression)].some(({ kind }) => kind === 'secret');
  return holdsSecret ? [`${at} must not hold a secret's value`] : [];
}

/** What a task can't carry is refused here, and not when somebody needs the secret. */
export function textProblems(at: string, value: string): Problems {
  const problems: Problems = [];
  if (value.includes('\0')) problems.push(`${at} must not hold a NUL character`);
  // As in "\ud800": it could not be sent as it was written.
  if (!value.isWellFormed()) problems.push(`${at} must be valid Unicode`);
  if (value.length > limits.input) problems.push(`${at} must be at most ${limits.input} characters`);
  return problems;
}

/** Inputs are compared with each other: more than a template can have would only take time. */
export function tooMany(path: string, entries: readonly unknown[], problems: Problems): boolean {
  if (entries.length <= limits.inputs) return false;
  problems.push(`${path}: at most ${limits.inputs} inputs are possible`);
  return true;
}

export function duplicateProblems(path: string, entries: readonly { name: string }[]): Problems {
  const names = entries.map(({ name }) => name);
  return duplicates(names).map(name => `${path}[${names.lastIndexOf(name)}].name: duplicate "${name}"`);
}

/** A field of an object that no schema names. */
export function textAt(value: object, key: string): string | undefined {
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === 'string' ? found : undefined;
}
