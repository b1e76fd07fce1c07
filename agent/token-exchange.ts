/** How the delegate's token is replaced while it is connected: PROTOCOL.md, "Replacing a token". */
import { isJwt, type TokenOrder, type TokenReport } from '../protocol/index.ts';
import type { Logger } from './logger.ts';
import { codeOf } from './settings.ts';
import { digestOf, type TokenSource } from './token-source.ts';

/** What has just been done. */
export type TokenStep = 'asked' | 'kept' | 'proposed' | 'known' | 'presented' | 'accepted' | 'replaced';

export interface TokenExchangeOptions {
  readonly source: TokenSource;
  readonly send: (report: TokenReport) => void;
  readonly logger: Logger;
  /** Hears each step. */
  readonly onStep?: ((step: TokenStep) => void) | undefined;
}

export interface TokenExchange {
  receive(order: TokenOrder): void;
  /** Somebody has changed the token. */
  present(token: string): void;
}

export function tokenExchange({ source, send, logger, onStep }: TokenExchangeOptions): TokenExchange {
  const step = (name: TokenStep) => onStep?.(name);
  /** One that we have made ourselves and that does not count yet. */
  let made: string | undefined;
  /** One that somebody else has made, and that was shown. */
  let shown: string | undefined;

  function rotate(): void {
    step('asked');
    const reason = source.cannotReplace;
    if (reason !== undefined) {
      logger.warn({ reason }, 'asked for a new token, which cannot be');
      return send({ type: 'token-declined', reason });
    }
    try {
      made = source.prepare();
    } catch (error) {
      const problem = `a new token cannot be kept beside its token file (${codeOf(error)})`;
      logger.error({ err: error }, 'a new token cannot be kept');
      return send({ type: 'token-declined', reason: problem });
    }
    step('kept');
    send({ type: 'token-proposed', digest: digestOf(made) });
    step('proposed');
  }

  function accepted(digest: string): void {
    step('accepted');
    if (made !== undefined && digestOf(made) === digest) {
      replaceBy(made);
      made = undefined;
      step('replaced');
    } else if (shown !== undefined && digestOf(shown) === digest) {
      source.replaceBy(shown);
      shown = undefined;
      logger.info('the control plane has accepted the token that the token file holds now');
    }
  }

  function replaceBy(token: string): void {
    try {
      source.replaceBy(token);
      logger.info('the token was replaced by a new one');
    } catch (error) {
      // It stays beside the file, and is the first that the next connection tries.
      logger.error({ err: error }, 'the new token cannot be put in its place');
    }
  }

  return {
    receive(order) {
      switch (order.type) {
        case 'rotate-token':
          return rotate();
        case 'token-known':
          if (made === undefined || digestOf(made) !== order.digest) return;
          step('known');
          send({ type: 'token-presented', token: made });
          return step('presented');
        case 'token-accepted':
          return accepted(order.digest);
        case 'token-refused': {
          const { reason } = order;
          logger.warn({ reason }, 'the control plane does not take the new token; the one before stays');
          if (made !== undefined && digestOf(made) === order.digest) {
            source.discard(made);
            made = undefined;
          }
        }
      }
    },
    present(token) {
      if (token === source.current || token === made) return;
      shown = token;
      logger.info('the token file was changed');
      // Longer than a token that an earlier control plane could read; this message it ignores.
      send({ type: isJwt(token) ? 'jwt-presented' : 'token-presented', token });
    },
  };
}
