/** Refusals of the store itself: what checks before a write can't see, because others write at the same time. */
import type { RequestError } from '../domain/errors.ts';

export interface ConstraintTexts {
  /** Two rows with one name. */
  readonly taken?: () => RequestError;
  /** A row that is referred to is gone, or one that goes is referred to. */
  readonly referred?: () => RequestError;
}

/** Does the work; what the store refuses is thrown in the request's words. */
export async function withConstraints<T>(texts: ConstraintTexts, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const kind = violated(error);
    const make = kind && texts[kind];
    throw make ? make() : error;
  }
}

// The codes of Postgres, and the extended result codes of SQLite.
const kinds = new Map<unknown, keyof ConstraintTexts>([
  ['23505', 'taken'],
  [2067, 'taken'],
  ['23503', 'referred'],
  [787, 'referred'],
]);

function violated(error: unknown): keyof ConstraintTexts | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error) return kinds.get(error.errcode);
  return 'code' in error ? kinds.get(error.code) : undefined;
}
