/** Who comes in, and how often: per API key, and per address for those whose key is none. */
import { isIP } from 'node:net';
import type { Clock } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';
import type { Caller } from '../domain/permissions.ts';
import { hashOf } from './credentials.ts';
import { type Allowance, RateLimit } from './rate-limit.ts';

export interface RateLimitOptions {
  /** Requests of a key in a minute; 0: without limit. */
  readonly perKey: number;
  /** Requests without a valid key from an address in a minute; 0: without limit. */
  readonly perAddress: number;
  readonly clock: Clock;
  /** Hears of the first refusal of a key or address, and then of one a minute. */
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

export type Authenticate = (key: string | undefined, source: string) => Promise<Caller>;

/** Credentials that are remembered as good. */
const mostKnown = 10_000;
const noteStepMs = 60_000;

export class RateLimits {
  readonly #options: RateLimitOptions;
  readonly #keys: RateLimit | undefined;
  readonly #addresses: RateLimit | undefined;
  /** Hashes of credentials that were good, the latest last. */
  readonly #known = new Set<string>();
  readonly #notedAt = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    const { perKey, perAddress, clock } = options;
    this.#options = options;
    this.#keys = perKey > 0 ? new RateLimit(perKey, clock) : undefined;
    this.#addresses = perAddress > 0 ? new RateLimit(perAddress, clock) : undefined;
  }

  /**
   * The caller, as `authenticate` finds it. Throws what that throws, and a `RequestError` of `TOO_MANY_REQUESTS` for
   * what is too often. `tell` hears how much is left, also before that error is thrown.
   */
  async admit(
    authenticate: Authenticate,
    key: string | undefined,
    source: string,
    tell: (allowance: Allowance) => void,
  ): Promise<Caller> {
    const address = networkOf(source);
    const hash = key ? hashOf(key) : '';
    // Behind one proxy there are many: who was let in before is looked up whatever the others do. Anybody else isn't,
    // so that a new key and one that never was are answered alike.
    const before = this.#known.has(hash) ? undefined : this.#addresses?.look(address);
    if (before && !before.allowed) throw this.#refusal(before, { address }, tell);
    let caller: Caller;
    try {
      caller = await authenticate(key, source);
    } catch (error) {
      if (error instanceof RequestError) {
        this.#known.delete(hash);
        this.#addresses?.take(address);
      }
      throw error;
    }
    this.#remember(hash);
    const allowance = this.#keys?.take(caller.keyId);
    if (allowance && !allowance.allowed) throw this.#refusal(allowance, { key: caller.name }, tell);
    if (allowance) tell(allowance);
    return caller;
  }

  #remember(hash: string): void {
    this.#known.delete(hash);
    const [oldest] = this.#known.size >= mostKnown ? this.#known : [];
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.add(hash);
  }

  #refusal(
    allowance: Allowance,
    who: { readonly key: string } | { readonly address: string },
    tell: (allowance: Allowance) => void,
  ): RequestError {
    tell(allowance);
    this.#note(allowance, who);
    const seconds = Math.ceil(allowance.waitMs / 1_000);
    const what = 'key' in who ? 'requests with this API key' : 'requests without a valid API key';
    return new RequestError(
      'TOO_MANY_REQUESTS',
      `too many ${what}: ${allowance.limit} a minute are allowed; try again in ${seconds} s`,
    );
  }

  #note({ limit }: Allowance, who: Readonly<Record<string, string>>): void {
    const { clock, note } = this.#options;
    const name = JSON.stringify(who);
    const now = clock.now();
    if (now - (this.#notedAt.get(name) ?? -Infinity) < noteStepMs) return;
    for (const [other, at] of this.#notedAt) if (now - at >= noteStepMs) this.#notedAt.delete(other);
    if (this.#notedAt.size >= mostKnown) return;
    this.#notedAt.set(name, now);
    note({ ...who, limit }, 'the rate limit refuses requests');
  }
}

/** Of IPv6 a host has a whole network, and may take another address for each request. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  const all = [...groups, ...Array<string>(gap).fill('0'), ...after];
  return `${all
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
