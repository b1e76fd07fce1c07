/** From a stream to a login: the exchange of keys, the check of the host's, and who we are. */
import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { type HostKeyType, offer } from './algorithms.ts';
import { type Authentication, authentication } from './authenticate.ts';
import type { Life } from './channel.ts';
import { HostError, type ResolvedHop } from './connection.ts';
import type { Login } from './credentials.ts';
import { type ShownKey, shownKey } from './host-keys.ts';
import { type Deadline, remaining } from './reach.ts';

export interface Handshake {
  readonly hop: ResolvedHop;
  readonly login: Login;
  readonly legacy: boolean;
  readonly stream: Duplex;
  /** Of the host keys that are expected. */
  readonly types: readonly HostKeyType[];
  /** Says where the key is listed, or throws. */
  readonly check: (key: ShownKey) => Promise<string>;
  readonly deadline: Deadline;
  readonly keepaliveMs: number;
  readonly step: (line: string) => void;
}

/** A host that we are logged in to. */
export interface Open {
  readonly client: Client;
  readonly life: Life;
  /** The line with which the host began. */
  readonly ident: string;
  readonly close: () => void;
}

/** The host closed the connection at once, as busy ones do: another try may be luckier. */
export class DroppedError extends HostError {}

/** Logs in. Throws a `HostError`; when called off, the signal's reason. */
export function handshake(parts: Handshake): Promise<Open> {
  const { hop, login, legacy, stream, types, check, deadline, keepaliveMs, step } = parts;
  const client = new ssh2.Client();
  const auth = authentication(hop.user, login, legacy);
  const offers: string[] = [];
  let phase: 'keys' | 'login' | 'ready' = 'keys';
  let refusal: unknown;
  let ident = '';
  let trouble: ErrorFacts | undefined;
  let ended: string | undefined;
  let end: (why: string) => void = () => {};
  const closed = new Promise<string>(resolve => {
    end = resolve;
  });
  const over = (why: string) => {
    ended ??= why;
    end(ended);
    client.destroy();
    stream.destroy();
  };

  return new Promise((resolve, reject) => {
    const settle = () => {
      stop();
      deadline.signal.removeEventListener('abort', called);
    };
    const fail = (error: unknown) => {
      settle();
      over('the delegate gave it up');
      reject(error);
    };
    const called = () => fail(deadline.signal.reason);
    const stop = deadline.clock.after(remaining(deadline), () => {
      const doing = phase === 'keys' ? 'exchanging keys' : `logging in as ${hop.user}`;
      fail(new HostError('host-unreachable', `timed out while ${doing}`));
    });
    deadline.signal.addEventListener('abort', called, { once: true });

    client.on('error', (error: Error) => {
      const facts = factsOf(error);
      if (phase === 'ready') {
        trouble = facts;
        return over(`the connection broke: ${facts.message}`);
      }
      // A key that could not be used is not the end: the next thing to try may be.
      if (facts.level === 'agent' || (facts.level === 'client-authentication' && facts.message !== allFailed))
        return;
      trouble ??= facts;
      fail(refusal ?? explain(phase, trouble, offers, auth, hop));
    });
    client.on('close', () => {
      if (phase === 'ready') return over('the host closed the connection');
      fail(refusal ?? explain(phase, trouble, offers, auth, hop));
    });
    client.on('handshake', () => {
      if (phase === 'keys') phase = 'login';
    });
    // A password that must be replaced can't be used; nobody is there to choose another.
    client.on('change password', () => {
      auth.note('it wants the password to be changed first');
      fail(explain('login', undefined, offers, auth, hop));
    });
    client.on('ready', () => {
      phase = 'ready';
      settle();
      step(`authenticated as ${hop.user} with ${auth.method()}`);
      resolve({
        client,
        life: { closed, why: () => ended },
        ident,
        close: () => over('the delegate closed the connection'),
      });
    });

    if (deadline.signal.aborted) return called();
    if (stream.destroyed) return fail(explain(phase, undefined, offers, auth, hop));
    client.connect({
      sock: stream,
      username: hop.user,
      authHandler: auth.handler,
      algorithms: offer(types, legacy),
      readyTimeout: 0,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: 3,
      debug(line) {
        const [, what] = /^Handshake: \(remote\) (.*)$/.exec(line) ?? [];
        if (what !== undefined && phase === 'keys') offers.push(what);
        if (ident === '') ident = /^Remote ident: '(.*)'$/.exec(line)?.[1] ?? '';
      },
      hostVerifier(key: Buffer, verify: (right: boolean) => void) {
        const shown = shownKey(key);
        check(shown).then(
          where => {
            if (phase === 'keys') step(`host key ${shown.type} ${shown.fingerprint} (${where})`);
            verify(true);
          },
          (error: unknown) => {
            refusal = error;
            verify(false);
          },
        );
      },
    });
  });
}

const allFailed = 'All configured authentication methods failed';

interface ErrorFacts {
  readonly message: string;
  /** Where in ssh2 it arose. */
  readonly level: string | undefined;
  /** The host's own word when it disconnects. */
  readonly disconnected: boolean;
}

function factsOf(error: Error): ErrorFacts {
  return {
    message: error.message,
    level: 'level' in error ? String(error.level) : undefined,
    disconnected: 'code' in error && typeof error.code === 'number',
  };
}

function explain(
  phase: 'keys' | 'login' | 'ready',
  trouble: ErrorFacts | undefined,
  offers: readonly string[],
  auth: Authentication,
  { user }: ResolvedHop,
): HostError {
  if (phase === 'login') {
    if (trouble?.message !== allFailed && !auth.noted())
      auth.note(trouble?.disconnected ? `it said: ${trouble.message}` : 'it closed the connection');
    return new HostError(
      'host-authentication-failed',
      `the host refused the login of ${user}: ${auth.explain()}`,
    );
  }
  const message = trouble?.message ?? '';
  const [, failed] = /^Handshake failed: (.*)$/.exec(message) ?? [];
  if (failed !== undefined)
    return new HostError('host-key-exchange-failed', `${failed}${offered(failed, offers)}`);
  if (trouble?.level === 'protocol' && !/lost before handshake/i.test(message))
    return new HostError(
      'host-key-exchange-failed',
      `what answers there does not speak SSH as it should (${message})`,
    );
  const why = trouble?.disconnected
    ? `it said: ${message}`
    : 'it may have too many that are not logged in yet';
  return new DroppedError(
    'host-unreachable',
    `the host closed the connection before keys were exchanged; ${why}`,
  );
}

/** What the host would have had, of the kind that did not match. */
function offered(failed: string, offers: readonly string[]): string {
  const kind = /key exchange/.test(failed)
    ? 'KEX'
    : /host key/.test(failed)
      ? 'Host key'
      : /cipher/.test(failed)
        ? 'cipher'
        : 'MAC';
  const found = offers.find(line => line.includes(kind));
  const hint = /host key/.test(failed)
    ? '; a key of another type counts where it is pinned, on the connector or in LEGATE_KNOWN_HOSTS'
    : "; see the target's setting for older algorithms";
  return found ? `; the host offers ${found.replace(/^[^:]*: /, '')}${hint}` : '';
}
