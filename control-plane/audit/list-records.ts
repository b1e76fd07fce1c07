/** Reads the trail, the newest records first, a page at a time. */
import { allows, type Caller } from '../domain/permissions.ts';
import { account, parseScope } from '../domain/scope.ts';
import { lastRecord, recordsHolding } from '../store/audit.ts';
import type { Database } from '../store/database.ts';

export interface RecordFilter {
  /** A key's name or id. */
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  readonly action?: string | undefined;
}

export type ShownRecord = Readonly<Record<string, unknown>>;

export interface RecordPage {
  readonly items: readonly ShownRecord[];
  /** Give it as `before` for the next page, which may be empty and still have one after it; none: there is no more. */
  readonly next?: number;
}

/** Records that are looked at for one page: a filter that matches little must not hold up the store. */
const mostLookedAt = 20_000;
const stepSize = 500;

/** The records of scopes that the caller administers. */
export async function listRecords(
  database: Database,
  caller: Caller,
  { before, limit, ...filter }: RecordFilter & { before?: number | undefined; limit: number },
): Promise<RecordPage> {
  const newest = before === undefined ? ((await lastRecord(database))?.seq ?? 0) : before - 1;
  const oldest = Math.max(1, newest - mostLookedAt + 1);
  const texts = [filter.actor, filter.subject, filter.action].flatMap(text =>
    text === undefined ? [] : [JSON.stringify(text)],
  );
  const items: ShownRecord[] = [];
  for (let last = newest; last >= oldest; last -= stepSize) {
    const first = Math.max(oldest, last - stepSize + 1);
    for (const { seq, record } of await recordsHolding(database, { first, last, texts })) {
      const data = read(record);
      if (!matches(data, filter) || !mayRead(caller, data)) continue;
      items.push(data);
      if (items.length === limit) return seq > 1 ? { items, next: seq } : { items };
    }
  }
  return oldest > 1 ? { items, next: oldest } : { items };
}

function matches({ actor, subject, action }: ShownRecord, filter: RecordFilter): boolean {
  const { id, name } = objectOf(actor);
  return (
    (filter.actor === undefined || filter.actor === id || filter.actor === name) &&
    (filter.subject === undefined || filter.subject === subject) &&
    (filter.action === undefined || filter.action === action)
  );
}

function mayRead({ grants }: Caller, { scope }: ShownRecord): boolean {
  return allows(grants, 'administer', { scope: typeof scope === 'string' ? parseScope(scope) : account });
}

const read = (record: string): ShownRecord => objectOf(JSON.parse(record));

const objectOf = (data: unknown): ShownRecord =>
  typeof data === 'object' && data !== null ? Object.fromEntries(Object.entries(data)) : {};
