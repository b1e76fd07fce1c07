/** Paging as FirstGen has it: 100 at most, and 100 where nobody says. */
import { RequestError } from '../../domain/errors.ts';
import type { Listing, Maybe, Page } from '../../first-gen/model.ts';

const most = 100;

/** Limit and offset as they take effect. Throws a `RequestError` for negative ones. */
export function readPage(limit: Maybe<number>, offset: Maybe<number>): Page {
  for (const [name, number] of [['Limit', limit] as const, ['Offset', offset] as const]) {
    if ((number ?? 0) < 0)
      throw new RequestError('INVALID_REQUEST', `${name} argument accepts only non negative values`);
  }
  return { limit: Math.min(limit ?? most, most), offset: offset ?? 0 };
}

/** The same from texts, as `templateList` takes them; an empty one is none. */
export function readTextPage(limit: Maybe<string>, offset: Maybe<string>): Page {
  return readPage(integer('limit', limit), integer('offset', offset));
}

/** A connection: the page's nodes, and what is to be known of the rest. */
export function connection<T>({ nodes, total }: Listing<T>, { limit, offset }: Page) {
  return { pageInfo: { limit, offset, total, hasMore: offset + nodes.length < total }, nodes };
}

function integer(name: string, text: Maybe<string>): number | undefined {
  const trimmed = text?.trim();
  if (!trimmed) return undefined;
  if (!/^-?[0-9]{1,9}$/.test(trimmed))
    throw new RequestError('INVALID_REQUEST', `${name} must be a whole number`);
  return Number(trimmed);
}
