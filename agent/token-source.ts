/** The delegate's own token: where it is, and which one to show. */
import { createHash, randomBytes } from 'node:crypto';
import { accessSync, constants, lstatSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Clock, isJwt } from '../protocol/index.ts';
import { isToken, readIfThere, removeIfThere, writeBeside, writeInPlace } from './token-file.ts';

export interface TokenSource {
  /** The one for the next connection. */
  choose(): string;
  /** The one that was chosen, presented or replaced last. */
  readonly current: string;
  /** The chosen one was refused. Is there another that has not been, since the last time that one was welcome? */
  hasOther(): boolean;
  /** The chosen one was let in. Throws where it can't be put in its place; it stays beside it then. */
  welcomed(): void;
  /** Why no other can be put in its place from here; undefined: it can. */
  readonly cannotReplace: string | undefined;
  /** A new one, kept beside the current one so that it lasts; the one of before where that did not end. Throws. */
  prepare(): string;
  /** Puts one in the current one's place. */
  replaceBy(token: string): void;
  /** Throws away what `prepare` has kept. */
  discard(token: string): void;
  /** Calls `then` soon after somebody has changed it. Gives a function that ends the watch. */
  watch(clock: Clock, then: (token: string) => void): () => void;
}

/** A token from the environment: it is what it is. */
export function givenToken(token: string): TokenSource {
  return {
    current: token,
    cannotReplace: 'its token is in the environment; rotate it there, or give it as LEGATE_TOKEN_FILE',
    choose: () => token,
    hasOther: () => false,
    welcomed: () => {},
    prepare: () => token,
    replaceBy: () => {},
    discard: () => {},
    watch: () => () => {},
  };
}

/** Several writes in a row are one change; a file that is written in pieces is read when it is whole. */
const settleMs = 500;

export const digestOf = (token: string) => `sha256:${createHash('sha256').update(token).digest('hex')}`;

/** A token in a file, read anew for each connection. `first` is what it held when the agent started. */
export function tokenInFile(path: string, first: string): TokenSource {
  const beside = `${path}.next`;
  const refused = new Set<string>();
  let current = first;
  /** What the file held last; while it can't be read, that is what counts. */
  let held = first;

  function read(): string {
    const text = readIfThere(path);
    if (isToken(text)) held = text;
    return held;
  }

  /** The one that is to take the file's place: no other, so that what somebody has put there since is not lost. */
  function readNext(): string | undefined {
    const [token, replaces] = readIfThere(beside)?.split('\n') ?? [];
    return isToken(token) && replaces === digestOf(read()) ? token : undefined;
  }

  const candidates = () => [readNext(), read()].filter(token => token !== undefined);

  return {
    get current() {
      return current;
    },
    get cannotReplace() {
      try {
        if (isJwt(read())) return 'its token is a JWT: whoever issues it renews it';
        if (!lstatSync(path).isFile()) return 'its token file is a link: whoever made it has to replace it';
        accessSync(dirname(path), constants.W_OK);
        return undefined;
      } catch {
        return "its token file's folder can't be written to";
      }
    },
    choose() {
      const all = candidates();
      current = all.find(token => !refused.has(token)) ?? all.at(-1) ?? held;
      return current;
    },
    hasOther() {
      refused.add(current);
      return candidates().some(token => !refused.has(token));
    },
    welcomed() {
      refused.clear();
      if (current === readNext()) this.replaceBy(current);
    },
    prepare() {
      const there = readNext();
      if (there !== undefined) return there;
      const token = `lgd_${randomBytes(32).toString('base64url')}`;
      const replaces = digestOf(read());
      writeBeside(beside, `${token}\n${replaces}\n`, text => text.split('\n')[1] === replaces);
      // A replica that shares the file may have been faster.
      return readNext() ?? token;
    },
    replaceBy(token) {
      const before = read();
      // What somebody else has put there since then is to stay.
      if (before !== token && (readNext() === token || before === current)) writeInPlace(path, `${token}\n`);
      current = token;
      held = token;
      this.discard(token);
    },
    discard(token) {
      if (readIfThere(beside)?.split('\n')[0] === token) removeIfThere(beside);
    },
    watch(clock, then) {
      let known = read();
      let stopWaiting: (() => void) | undefined;
      const look = () => {
        stopWaiting = undefined;
        const token = read();
        if (token === known) return;
        known = token;
        then(token);
      };
      // The folder and not the file: what is put in a file's place by renaming is another file.
      const watcher = watch(dirname(path), { persistent: false }, (_, name) => {
        if (name?.startsWith(`${basename(path)}.`)) return;
        stopWaiting ??= clock.after(settleMs, look);
      });
      // A folder that can't be watched any more is read at the next connection.
      watcher.on('error', () => watcher.close());
      return () => {
        stopWaiting?.();
        watcher.close();
      };
    },
  };
}
