/** Where the key ring comes from: a file, the environment, or a command. */
import { join } from 'node:path';
import { type Clock, systemClock } from '../../protocol/index.ts';
import { runKeyCommand } from './key-command.ts';
import { type KeyRing, KeyRingError, parseKeyRing } from './key-ring.ts';
import { readRingFile } from './ring-file.ts';

export type KeySource =
  /** `make`: a file that is absent may be made for a store that holds no encrypted value. */
  | { readonly kind: 'file'; readonly path: string; readonly make: boolean }
  | { readonly kind: 'environment'; readonly text: string }
  | { readonly kind: 'command'; readonly command: string };

export interface KeySettings {
  /** LEGATE_KEY_RING: the ring itself. */
  readonly ring?: string | undefined;
  /** LEGATE_KEY_RING_FILE: a file that holds it. */
  readonly file?: string | undefined;
  /** LEGATE_KEY_COMMAND: a line for `sh -c` that writes it to standard output. */
  readonly command?: string | undefined;
}

/** Which source these settings name. Throws a `KeyRingError` when they name more than one. */
export function chooseKeySource(settings: KeySettings, dataFolder: string): KeySource {
  const given = [
    settings.ring && 'LEGATE_KEY_RING',
    settings.file && 'LEGATE_KEY_RING_FILE',
    settings.command && 'LEGATE_KEY_COMMAND',
  ].filter(Boolean);
  if (given.length > 1) {
    throw new KeyRingError(
      `the key ring has one source, and ${given.join(' and ')} are set; unset all but one`,
    );
  }
  if (settings.ring) return { kind: 'environment', text: settings.ring };
  if (settings.command) return { kind: 'command', command: settings.command };
  // A file that somebody names is not made: its absence is a wrong path, or a volume that is not there yet.
  if (settings.file) return { kind: 'file', path: settings.file, make: false };
  return { kind: 'file', path: join(dataFolder, 'key-ring'), make: true };
}

/** Reads the ring, anew each time. Throws a `KeyRingError`. */
export async function readKeyRing(source: KeySource, clock: Clock = systemClock): Promise<KeyRing> {
  return parseKeyRing(await textOf(source, clock), nameOf(source));
}

/** What messages call the source. A command may hold a credential, so that only its setting is named. */
export function nameOf(source: KeySource): string {
  if (source.kind === 'file') return `the key ring ${source.path}`;
  return source.kind === 'environment' ? 'LEGATE_KEY_RING' : 'the output of LEGATE_KEY_COMMAND';
}

async function textOf(source: KeySource, clock: Clock): Promise<string> {
  if (source.kind === 'environment') return source.text;
  if (source.kind === 'command') return runKeyCommand(source.command, clock);
  const text = readRingFile(source.path);
  if (text === undefined) {
    throw new KeyRingError(
      `the key ring ${source.path} does not exist; put the copy that you keep of it there, ` +
        'or for a new store a key: (umask 077; openssl rand -base64 32 >FILE)',
    );
  }
  return text;
}
