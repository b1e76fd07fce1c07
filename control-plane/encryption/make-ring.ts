/** The key ring of a new installation. */
import type { Database } from '../store/database.ts';
import { countValuesByKey } from '../store/encrypted-values.ts';
import { KeyRingError, makeKey } from './key-ring.ts';
import { changeRingFile, readRingFile } from './ring-file.ts';

const header = `# The key ring: one key per line, 32 bytes in base64. The first encrypts, the others only decrypt.
# Keep a copy away from the store: without it, what the store holds encrypted is lost.
`;

/** Makes the file if there is none and nothing can need the one that is missing. Whether it did. */
export async function makeRing(database: Database, path: string): Promise<boolean> {
  if (readRingFile(path) !== undefined) return false;
  const used = [...(await countValuesByKey(database)).keys()];
  if (used.length > 0) {
    throw new KeyRingError(
      `the key ring ${path} does not exist, and the store holds values under ${used.join(', ')}; ` +
        'put the copy that you keep of the ring there. A new one is not made, as it could not read them',
    );
  }
  let made = false;
  changeRingFile(path, text => {
    made = text === undefined;
    return text ?? `${header}${makeKey().line}\n`;
  });
  return made;
}
