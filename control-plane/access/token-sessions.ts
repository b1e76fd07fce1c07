/** What delegate tokens need of the connections that were made with them. */

/** How an attempt to have a delegate replace its credential ended. */
export type Replacement =
  | { readonly outcome: 'replaced' }
  | { readonly outcome: 'declined'; readonly reason: string }
  | { readonly outcome: 'disconnected' }
  | { readonly outcome: 'no answer' };

export interface TokenSession {
  readonly delegate: string;
  readonly instance: string;
  /** The id of its token. */
  readonly token: string;
  /** The hash of the credential that it has shown last. */
  readonly credential: string;
  /** Why it can't replace its credential by itself; undefined: it can. */
  readonly cannotReplace: string | undefined;
  /** Closes it; what runs over it is lost. */
  cut(why: 'revoked' | 'expired'): void;
  /** Gives it no more tasks, and cuts it as soon as nothing runs. Again is no error. */
  drain(): void;
  /** Asks it for a new credential. While that is under way, asking again is the same question. */
  replace(): Promise<Replacement>;
}

/** Those who said no are asked again only where a person wants it. */
export interface Asking {
  readonly sessions: readonly TokenSession[];
  readonly patience: Promise<void>;
}

/** Asks each of them, and waits for as long as one has patience. */
export async function askAll({ sessions, patience }: Asking): Promise<(Replacement & Who)[]> {
  const late = patience.then((): Replacement => ({ outcome: 'no answer' }));
  return Promise.all(
    sessions.map(async session => {
      const { delegate, instance, cannotReplace } = session;
      const who = { delegate, instance };
      if (cannotReplace !== undefined) return { ...who, outcome: 'declined', reason: cannotReplace } as const;
      return { ...who, ...(await Promise.race([session.replace(), late])) };
    }),
  );
}

export type Who = Pick<TokenSession, 'delegate' | 'instance'>;
