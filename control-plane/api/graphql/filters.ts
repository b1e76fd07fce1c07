/** Filters of lists: each becomes a question that one item answers; all of them have to say yes. */
import { RequestError } from '../../domain/errors.ts';
import type { Maybe } from '../../first-gen/model.ts';

export interface IdFilter {
  readonly operator: 'EQUALS' | 'IN' | 'NOT_NULL' | 'NOT_IN' | 'LIKE';
  readonly values: readonly Maybe<string>[];
}

export interface EnumFilter<Value extends string> {
  readonly operator?: Maybe<'EQUALS' | 'IN'>;
  readonly values?: Maybe<readonly Maybe<Value>[]>;
}

/** Throws a `RequestError` for an operator whose values are not as it needs them. */
export function idMatcher(filter: Maybe<IdFilter>): (id: string) => boolean {
  if (!filter || filter.operator === 'NOT_NULL') return () => true;
  const { operator } = filter;
  const values = present(filter.values);
  if (values.length === 0) throw refused('Values cannot be empty');
  if (operator === 'NOT_IN') return id => !values.includes(id);
  if (operator === 'IN') return id => values.includes(id);
  const value = single(values, operator);
  return operator === 'LIKE' ? id => id.includes(value) : id => id === value;
}

export function enumMatcher<Value extends string>(
  filter: Maybe<EnumFilter<Value>>,
): (value: Value | undefined) => boolean {
  if (!filter) return () => true;
  if (!filter.operator) throw refused('Enum Operator cannot be null');
  const values = present(filter.values ?? []);
  if (values.length === 0) throw refused('Enum values cannot be empty');
  if (filter.operator === 'EQUALS') single(values, 'EQUALS');
  return value => value !== undefined && values.includes(value);
}

/** The ids that a filter names one by one, where it stands for a choice and not for a search. */
export function namedIds(filter: Maybe<IdFilter>, field: string): string[] | undefined {
  if (!filter) return undefined;
  if (filter.operator !== 'EQUALS' && filter.operator !== 'IN')
    throw new RequestError('INVALID_REQUEST', `${field} takes the operators EQUALS and IN only`);
  idMatcher(filter);
  return present(filter.values);
}

function present<T extends string>(values: readonly Maybe<T>[]): T[] {
  return values.filter(value => value !== null && value !== undefined);
}

function single<T>(values: readonly T[], operator: string): T {
  const [value, ...others] = values;
  if (value === undefined || others.length > 0)
    throw refused(`Only one value needs to be inputted for operator ${operator}`);
  return value;
}

/** The contract's messages about filters have no prefix. */
const refused = (message: string) => new RequestError('SECRET_MANAGEMENT_ERROR', message);
