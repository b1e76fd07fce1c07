/** Changes with their audit records: in one transaction, so that there is never one without the other. */
import { type About, audited } from '../audit/audited.ts';
import { by, type Detail } from '../audit/record.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import { type Database, waitForTurn } from '../store/database.ts';
import { referencesTurn } from '../store/secrets.ts';
import { type ConstraintTexts, withConstraints } from './constraints.ts';
import type { FirstGenTools } from './tools.ts';

/** What the trail says of an entity. */
export interface Facts {
  readonly shown: Readonly<Record<string, Detail | undefined>>;
  /** Values: of these it has fingerprints. */
  readonly hidden?: Readonly<Record<string, string | Uint8Array>>;
}

/** The same entity before and after; one of them is missing where it is made or deleted. */
export interface Difference extends Partial<About> {
  readonly before?: Facts | undefined;
  readonly after?: Facts | undefined;
}

/** With the secrets that the entity names. */
export function withUses(facts: Facts, used: readonly Reference[]): Facts {
  const uses = [...new Set(used.map(formatReference))].sort();
  return uses.length === 0 ? facts : { ...facts, shown: { ...facts.shown, uses } };
}

export interface Changing {
  /** Facts for the record of the request. */
  readonly note: (known: Partial<About>) => void;
  /** Does the work in a transaction, with the record of what it says that it has changed. */
  readonly save: (
    texts: ConstraintTexts,
    work: (transaction: Database, now: string) => Promise<Difference>,
  ) => Promise<void>;
}

/** A request that changes something: its record before, the change's record with it, the outcome's record after. */
export function changing<T>(
  tools: FirstGenTools,
  caller: Caller,
  action: string,
  work: (changing: Changing) => Promise<T>,
): Promise<T> {
  const { audit, clock, database } = tools;
  const about: About = { ...by(caller), action, scope: account };
  return audited(audit, clock, about, ({ id, note }) =>
    work({
      note,
      async save(texts, write) {
        await withConstraints(texts, () =>
          database.transaction().execute(async transaction => {
            await waitForTurn(transaction, referencesTurn);
            const { before, after, ...rest } = await write(transaction, tools.now());
            note(rest);
            const difference = differenceOf(audit.fingerprint, before, after);
            await audit.recordIn(transaction, [{ ...about, ...rest, type: 'change', id, ...difference }]);
          }),
        );
        await audit.flush();
      },
    }),
  );
}

/** What differs, as in `before.name` and `after.name`. */
function differenceOf(
  fingerprint: (value: string | Uint8Array) => string,
  before: Facts | undefined,
  after: Facts | undefined,
): { details: Record<string, Detail>; fingerprints: Record<string, string> } {
  const details: Record<string, Detail> = {};
  const fingerprints: Record<string, string> = {};
  const sides = [
    { side: 'before', own: before, other: after },
    { side: 'after', own: after, other: before },
  ];
  for (const { side, own, other } of sides) {
    for (const [name, value] of Object.entries(own?.shown ?? {})) {
      if (value === undefined || JSON.stringify(value) === JSON.stringify(other?.shown[name])) continue;
      details[`${side}.${name}`] = value;
    }
    for (const [name, value] of Object.entries(own?.hidden ?? {}))
      fingerprints[`${side}.${name}`] = fingerprint(value);
  }
  return { details, fingerprints };
}
