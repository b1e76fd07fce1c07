/**
 * Rotation: a new first key in the ring, every value under it, and then the old keys out of the ring.
 *
 * It may be killed anywhere and loses no value, as each step leaves a state that reads everything:
 * 1. The store notes the new key's id, so that a later start knows that a rotation is unfinished.
 * 2. The ring gets the new key, with the old ones behind it.
 * 3. The old keys are retired in the store. That is the step that makes it safe to drop them. Another process, with the
 *    ring of before in its memory, may be writing at any moment, so that counting the values under an old key proves
 *    nothing by itself. But each write of a value or of a wrapped key checks, in its own statement, that its key is not
 *    retired, and retiring waits for the writes under way. So from here on the number of values under an old key only
 *    falls. Who is refused reads the ring anew and writes under the new key.
 * 4. Each data key is wrapped by the new key, if its row is still as it was read.
 * 5. Old keys that are retired and that no value is under leave the ring.
 * 6. The note of step 1 goes.
 */
import { setImmediate } from 'node:timers/promises';
import type { Database } from '../store/database.ts';
import { countValuesByKey, listNotUnderKey, replaceWrappedKey } from '../store/encrypted-values.ts';
import {
  beginRotation,
  endRotation,
  findRotation,
  listRetiredKeys,
  retireKeys,
} from '../store/key-rotation.ts';
import { rewrapKey, type WrappedKey } from './envelope.ts';
import type { HeldKeys } from './held-keys.ts';
import { type KeyRing, KeyRingError, makeKey, parseKeyRing, withFirstKey, withoutKeys } from './key-ring.ts';
import { type KeySource, nameOf } from './key-source.ts';
import { changeRingFile } from './ring-file.ts';

export interface RotateOptions {
  /**
   * False: the ring is as it shall be, the new key in front. Without effect on a ring from the environment or a
   * command, which is always so.
   */
  readonly newKey?: boolean;
  /** Hears of each step when it is done. */
  readonly note?: (step: RotationStep) => void;
}

export type RotationStep =
  | 'noted'
  | 'added'
  | 'retired'
  | 'rewrapped some'
  | 'rewrapped'
  | 'dropped'
  | 'ended';

export interface RotationReport {
  /** The id of the key that values are under now. */
  readonly primary: string;
  /** It went on with a rotation that had not ended, and made no key. */
  readonly resumed: boolean;
  /** How many values were brought under the primary by this run. */
  readonly rewrapped: number;
  /** Old keys that left the ring file. */
  readonly dropped: readonly string[];
  /** Old keys that nothing needs any more, in a ring that people keep: they can be removed there. */
  readonly removable: readonly string[];
  /** Values that could not be brought along, by key id: their key is not in the ring, or they are damaged. */
  readonly left: Readonly<Record<string, number>>;
}

const batchSize = 20;

/** Rotates, or ends a rotation that did not end. Throws a `KeyRingError`. */
export async function rotateKeys(
  database: Database,
  keys: HeldKeys,
  source: KeySource,
  options: RotateOptions = {},
): Promise<RotationReport> {
  const resumed = await resumeRotation(database, keys, source, options);
  if (resumed) return resumed;
  const { newKey = true, note } = options;
  if (source.kind === 'file' && newKey) {
    const { id, line } = makeKey();
    await beginRotation(database, id);
    note?.('noted');
    changeRingFile(source.path, text => withFirstKey(text ?? '', line));
    await keys.reload();
    note?.('added');
    return bringUnderPrimary(database, keys, source, { target: id, resumed: false, note });
  }
  const target = keys.ring.primary.id;
  await beginRotation(database, target);
  note?.('noted');
  return bringUnderPrimary(database, keys, source, { target, resumed: false, note });
}

/** Goes on with a rotation that did not end; undefined when there is none. Throws a `KeyRingError`. */
export async function resumeRotation(
  database: Database,
  keys: HeldKeys,
  source: KeySource,
  { note }: RotateOptions = {},
): Promise<RotationReport | undefined> {
  const ring = await keys.reload();
  const target = await findRotation(database);
  if (target === undefined) return undefined;
  // Nothing is under a key that never got into the file. And in a ring that people keep, this server may not have the
  // new key in front yet: it would bring everything back under the old one.
  const goesOn = source.kind === 'file' ? ring.find(target) : ring.primary.id === target;
  return goesOn ? bringUnderPrimary(database, keys, source, { target, resumed: true, note }) : undefined;
}

interface Run {
  readonly target: string;
  readonly resumed: boolean;
  readonly note: ((step: RotationStep) => void) | undefined;
}

async function bringUnderPrimary(
  database: Database,
  keys: HeldKeys,
  source: KeySource,
  { target, resumed, note }: Run,
): Promise<RotationReport> {
  let rewrapped = 0;
  let ring = keys.ring;
  do {
    ring = await retireOldKeys(database, keys, source);
    note?.('retired');
    rewrapped += await rewrapAll(database, ring, note);
    // Retired while it ran: another rotation has begun, with a newer key.
  } while ((await listRetiredKeys(database)).includes(ring.primary.id));
  note?.('rewrapped');
  // In this order: the count of a key that was not retired before it was taken could still have grown.
  const retired = new Set(await listRetiredKeys(database));
  const left = new Map(await countValuesByKey(database));
  left.delete(ring.primary.id);
  const old = ring.keys.map(key => key.id).filter(id => id !== ring.primary.id);
  const unused = new Set(old.filter(id => retired.has(id) && !left.has(id)));
  if (source.kind === 'file' && unused.size > 0) {
    dropKeys(source.path, unused);
    await keys.reload();
    note?.('dropped');
  }
  await endRotation(database, target);
  note?.('ended');
  const [dropped, removable] = source.kind === 'file' ? [[...unused], []] : [[], [...unused]];
  return {
    primary: ring.primary.id,
    resumed,
    rewrapped,
    dropped,
    removable,
    left: Object.fromEntries(left),
  };
}

async function retireOldKeys(database: Database, keys: HeldKeys, source: KeySource): Promise<KeyRing> {
  const ring = await keys.reload();
  const { primary } = ring;
  if ((await listRetiredKeys(database)).includes(primary.id)) {
    throw new KeyRingError(
      `${primary.id}, the first key of ${nameOf(source)}, was retired by an earlier rotation and cannot come back; ` +
        'put another key first',
    );
  }
  await retireKeys(
    database,
    ring.keys.filter(key => key !== primary).map(key => key.id),
  );
  return ring;
}

/** One pass is enough: nothing gets under a retired key behind its back. */
async function rewrapAll(database: Database, ring: KeyRing, note: Run['note']): Promise<number> {
  let count = 0;
  let after = '';
  for (;;) {
    const rows = await listNotUnderKey(database, ring.primary.id, after, batchSize);
    const last = rows.at(-1);
    if (!last) return count;
    after = last.owner;
    for (const row of rows) {
      const from = ring.find(row.keyId);
      const wrapped = from && unlessDamaged(() => rewrapKey(from, ring.primary, row.owner, row));
      if (wrapped && (await replaceWrappedKey(database, row, wrapped))) count += 1;
    }
    note?.('rewrapped some');
    // SQLite answers at once, so that without this nothing else of the server would get its turn.
    await setImmediate();
  }
}

/** A damaged row stays as it is, and is reported: it must not keep the others under the old key. */
function unlessDamaged(rewrap: () => WrappedKey): WrappedKey | undefined {
  try {
    return rewrap();
  } catch {
    return undefined;
  }
}

function dropKeys(path: string, ids: ReadonlySet<string>): void {
  changeRingFile(path, text => {
    // Somebody may have edited the file meanwhile: what is left must still be a ring.
    const after = withoutKeys(text ?? '', ids);
    parseKeyRing(after, `the key ring ${path}`);
    return after;
  });
}
