/** The key ring as a running process holds it. */
import { RequestError } from '../domain/errors.ts';
import type { KeyRing } from './key-ring.ts';
import { KeyRingError } from './key-ring.ts';

export interface HeldKeys {
  readonly ring: KeyRing;
  /** Reads the ring from its source. Throws a `KeyRingError`, and then the ring stays as it was. */
  reload(): Promise<KeyRing>;
}

export function holdKeys(ring: KeyRing, read: () => Promise<KeyRing>): HeldKeys {
  let held = ring;
  let reading: Promise<KeyRing> | undefined;
  return {
    get ring() {
      return held;
    },
    reload() {
      // Whoever needs it while it is being read shares that: a key command may take seconds.
      reading ??= read()
        .then(fresh => {
          held = fresh;
          return fresh;
        })
        .finally(() => {
          reading = undefined;
        });
      return reading;
    },
  };
}

/** What a value of this owner meets when the ring has to be read anew and can't be. */
export async function reloadFor(keys: HeldKeys, owner: string): Promise<KeyRing> {
  try {
    return await keys.reload();
  } catch (error) {
    if (!(error instanceof KeyRingError)) throw error;
    throw new RequestError('ENCRYPT_DECRYPT_ERROR', `No key for the value of ${owner}: ${error.message}`);
  }
}
