/** Lists of names and values: test variables of a manager, parameters of a secret. */
import { textProblems } from '../documents/problems.ts';
import { duplicates } from '../domain/inputs.ts';
import type { Maybe, NameAndValue } from './model.ts';
import { invalidArgument } from './refusals.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/**
 * In the order in which they were given. A null in place of a value is no value, as many clients write null for what
 * they leave out. Throws a `RequestError` that calls the list `field`, and holds none of the values.
 */
export function readVariables(given: Maybe<readonly Maybe<NameAndValue>[]>, field: string): Variable[] {
  const problems: string[] = [];
  const variables = (given ?? []).flatMap((entry, index): Variable[] => {
    if (!entry || typeof entry.value !== 'string') return [];
    const { name, value } = entry;
    const at = `${field}[${index}]`;
    if (!name) {
      problems.push(`${at}.name is required`);
      return [];
    }
    problems.push(...textProblems(`${at}.name`, name), ...textProblems(`${at}.value`, value));
    return [{ name, value }];
  });
  const twice = duplicates(variables.map(({ name }) => name));
  if (twice.length > 0)
    problems.push(`${field} must have each name once (more than once: ${twice.join(', ')})`);
  if (problems.length > 0) throw invalidArgument(problems);
  return variables;
}

/** The names that are not among the variables, each once, in their own order. */
export function missingNames(names: readonly string[], variables: readonly Variable[]): string[] {
  return [...new Set(names)].filter(name => !variables.some(variable => variable.name === name));
}
