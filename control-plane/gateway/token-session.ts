/** What is said about a delegate's own token while it is connected. */
import type { IncomingMessage } from 'node:http';
import {
  type Channel,
  type Clock,
  closeCode,
  type Hello,
  limits,
  ProtocolError,
  type TokenOrder,
  type TokenReport,
} from '../../protocol/index.ts';
import type { Link } from '../dispatch/link.ts';
import type { DelegateLink } from './delegate-link.ts';

/** What a token allows, and what it was recognised by. */
export interface TokenFacts {
  readonly id: string;
  readonly name: string;
  /** Names a delegate may have; empty: any. */
  readonly delegateNames: readonly string[];
  /** Tags a delegate may claim; empty: any. */
  readonly tags: readonly string[];
  /** Whom its delegates serve. */
  readonly scope: Link['scope'];
  /** The hash of the credential that was shown. */
  readonly credential: string;
  /** Its holder shall be asked for a new one. */
  readonly isDue: boolean;
  /** Of a JWT: when it ends, ISO 8601 in UTC with milliseconds. */
  readonly until?: string;
  /** Of a JWT: whom its issuer has given it to. */
  readonly subject?: string;
}

const bearerPattern = new RegExp(`^Bearer (\\S{1,${limits.token}})$`);

/** The token that a request shows; empty where it shows none. */
export const shownToken = ({ headers }: IncomingMessage): string =>
  bearerPattern.exec(headers.authorization ?? '')?.[1] ?? '';

export type TokenRefusal = 'unknown' | 'expired' | 'revoked' | 'address' | 'unavailable';

/** Whoever knows the tokens. */
export interface TokenKeeper {
  authenticate(token: string, address: string | undefined): Promise<TokenFacts | TokenRefusal>;
  /** Somebody with these facts is about to be let in. */
  joining(facts: TokenFacts, hello: Hello, address: string | undefined): Promise<void>;
  /** Keeps the hash of a token that is to take the place of the one before; false: it can't be. */
  propose(current: TokenFacts, hash: string): Promise<boolean>;
}

export const refusals = {
  unknown: { code: closeCode.badToken, reason: 'unknown token' },
  expired: { code: closeCode.tokenExpired, reason: 'the token has ended' },
  revoked: { code: closeCode.tokenRevoked, reason: 'the token was revoked' },
  address: { code: closeCode.addressRefused, reason: 'the token does not count at this address' },
  // Not fatal: an issuer that can't be reached must not end the delegates that come back meanwhile.
  unavailable: { code: closeCode.internalError, reason: 'the token can not be checked now' },
} as const satisfies Record<TokenRefusal, { code: number; reason: string }>;

export type Replacement =
  | { readonly outcome: 'replaced' }
  | { readonly outcome: 'declined'; readonly reason: string }
  | { readonly outcome: 'disconnected' };

export interface TokenSessionOptions {
  readonly socket: Channel;
  readonly link: DelegateLink;
  readonly hello: Hello;
  readonly facts: TokenFacts;
  readonly address: string | undefined;
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  readonly send: (message: TokenOrder | { type: 'drain' }) => void;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

const manual =
  'its token is in the environment, or in a file that it cannot replace: put a rotated one there by hand';
/** So much may be said about a token before the first of it was answered. */
const mostPending = 8;
/** For so long a delegate may be given for an answer; then it is asked anew where somebody wants it. */
const answerWithinMs = 20_000;

export class TokenSession {
  readonly delegate: string;
  readonly instance: string;
  readonly #options: TokenSessionOptions;
  #facts: TokenFacts;
  #cannot: string | undefined;
  #leaving = false;
  /** Open while the delegate has been asked for a new token and has not proposed one. */
  #asked = false;
  #asking: { promise: Promise<Replacement>; end: (replacement: Replacement) => void } | undefined;
  #pending = 0;
  /** One after the other: what is said later must not overtake. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: TokenSessionOptions) {
    this.#options = options;
    this.#facts = options.facts;
    this.delegate = options.hello.name;
    this.instance = options.hello.instance;
    this.#cannot = options.hello.tokenFile ? undefined : manual;
    options.socket.once('close', () => this.#end({ outcome: 'disconnected' }));
  }

  get token(): string {
    return this.#facts.id;
  }

  get credential(): string {
    return this.#facts.credential;
  }

  /** Of a JWT: when the one that was shown last ends. */
  get until(): string | undefined {
    return this.#facts.until;
  }

  get cannotReplace(): string | undefined {
    return this.#cannot;
  }

  cut(why: 'revoked' | 'expired'): void {
    const { code, reason } = refusals[why];
    this.#options.link.abandon(code, reason);
  }

  /** Gives it no more tasks, and cuts it as soon as nothing runs. */
  drain(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#options.send({ type: 'drain' });
    this.changed();
  }

  /** Something of the link has changed. */
  changed(): void {
    const { link } = this.#options;
    if (this.#leaving && link.draining && link.running === 0) this.cut('revoked');
  }

  replace(): Promise<Replacement> {
    if (this.#asking) return this.#asking.promise;
    const { promise, resolve } = Promise.withResolvers<Replacement>();
    const stop = this.#options.clock.after(answerWithinMs, () => {
      this.#asking = undefined;
    });
    const end = (replacement: Replacement) => {
      stop();
      resolve(replacement);
    };
    this.#asking = { promise, end };
    this.#asked = true;
    this.#options.send({ type: 'rotate-token' });
    return promise;
  }

  receive(report: TokenReport): void {
    const { note, link, socket } = this.#options;
    this.#pending += 1;
    if (this.#pending > mostPending) throw new ProtocolError(`too much "${report.type}" at once`);
    this.#work = this.#work
      .then(() => this.#answer(report))
      .finally(() => {
        this.#pending -= 1;
      })
      .catch((error: unknown) => {
        // A store that fails: the delegate stays as it is, with both of its tokens.
        note({ err: error, delegate: this.delegate }, "a delegate's token could not be looked up");
        if (socket.readyState === socket.OPEN) link.abandon(closeCode.internalError, 'internal error');
      });
  }

  async #answer(report: TokenReport): Promise<void> {
    const { note, socket } = this.#options;
    const about = { delegate: this.delegate, instance: this.instance, token: this.#facts.name };
    switch (report.type) {
      case 'token-declined':
        if (!this.#asked) return;
        this.#asked = false;
        this.#cannot = report.reason;
        note({ ...about, reason: report.reason }, 'delegate cannot replace its token');
        return this.#end({ outcome: 'declined', reason: report.reason });
      case 'token-proposed':
        return this.#propose(report.digest);
      case 'token-presented':
      case 'jwt-presented': {
        const result = await this.#options.keeper.authenticate(report.token, this.#options.address);
        const digest = await digestOf(report.token);
        const problem = typeof result === 'string' ? refusals[result].reason : this.#difference(result);
        if (socket.readyState !== socket.OPEN) return;
        if (problem !== undefined || typeof result === 'string') {
          note({ ...about, reason: problem }, 'delegate presented a token that was refused');
          return this.#options.send({ type: 'token-refused', digest, reason: problem ?? '' });
        }
        const isNew = result.credential !== this.#facts.credential;
        this.#facts = result;
        this.#options.send({ type: 'token-accepted', digest });
        if (!isNew) return;
        note({ ...about, token: result.name }, 'delegate has a new token');
        return this.#end({ outcome: 'replaced' });
      }
    }
  }

  async #propose(digest: string): Promise<void> {
    // Whoever has stolen a token must not make itself others that outlast it, but when all are asked.
    const isAllowed = this.#asked;
    this.#asked = false;
    const known =
      isAllowed && (await this.#options.keeper.propose(this.#facts, digest.slice('sha256:'.length)));
    if (this.#options.socket.readyState !== this.#options.socket.OPEN) return;
    const reason = isAllowed ? 'the proposed token can not be used' : 'nobody has asked for a new token';
    this.#options.send(known ? { type: 'token-known', digest } : { type: 'token-refused', digest, reason });
  }

  /** What was decided when it connected must still be so. */
  #difference(other: TokenFacts): string | undefined {
    const rights = ({ scope, delegateNames, tags }: TokenFacts) =>
      JSON.stringify([scope, delegateNames, tags]);
    return rights(other) === rights(this.#facts)
      ? undefined
      : 'the token has other rights: connect anew with it';
  }

  #end(replacement: Replacement): void {
    this.#asking?.end(replacement);
    this.#asking = undefined;
  }
}

async function digestOf(token: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', Buffer.from(token));
  return `sha256:${Buffer.from(bytes).toString('hex')}`;
}
