import {
  generateSealingKeys,
  openValue,
  type PublicKey,
  SealError,
  type SealingKeys,
} from '../../../../protocol/index.ts';
import type { DispatchEvent } from '../../../dispatch/dispatcher.ts';
import { RequestError } from '../../../domain/errors.ts';
import type { Maybe } from '../../../first-gen/model.ts';
import type { Resolver } from '../context.ts';
import { TaskFailure } from '../errors.ts';
import { type ConsumerArguments, consumerFrom, referenceFrom, type ScopeArguments } from './legate-scope.ts';

interface FetchArguments extends ScopeArguments, ConsumerArguments {
  readonly secret: string;
  readonly fresh?: Maybe<boolean>;
  readonly publicKey?: Maybe<{ readonly kty: string; readonly crv: string; readonly x: string }>;
}

const fetchValue: Resolver<FetchArguments> = async (_, args, { caller, tools, signal }) => {
  const secret = referenceFrom(args.secret, args);
  const consumer = consumerFrom(args);
  const given = args.publicKey && publicKeyFrom(args.publicKey);
  const keys = given ? undefined : await generateSealingKeys();
  const recipient = given ?? keys?.publicKey;
  if (!recipient) throw new Error('a fetch has no recipient');
  const events = await tools.fetchSecret(caller, {
    secret,
    consumer,
    recipient,
    fresh: args.fresh === true,
    signal,
  });
  return collect(events, keys);
};

/** Follows a fetch to its end. Throws a `TaskFailure` where it fails. */
async function collect(events: AsyncIterable<DispatchEvent>, keys: SealingKeys | undefined) {
  const sealed: string[] = [];
  const pieces: Uint8Array[] = [];
  let opener: ReturnType<typeof openValue> | undefined;
  try {
    for await (const event of events) {
      if (event.event === 'failed') throw new TaskFailure(event.failure, failedAt(event));
      if (event.event === 'value' && keys) {
        opener ??= openValue(keys, event);
        pieces.push(await opener.open(event));
      } else if (event.event === 'value') {
        sealed.push(event.sealed);
      } else if (event.event === 'succeeded') {
        const { task, attempt, delegate, ageMs } = event;
        if (!keys) return { task, attempt, delegate, ageMs, sealed };
        if (!opener) throw new SealError('there was no value');
        opener.finish();
        return { task, attempt, delegate, ageMs, value: textOf(pieces) };
      }
    }
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new TaskFailure({ reason: 'protocol-error', detail: error.message }, {});
  }
  throw new Error('a fetch ended without saying how');
}

export function failedAt({ attempt, delegate, delegates }: Extract<DispatchEvent, { event: 'failed' }>) {
  return {
    attempts: attempt,
    ...(delegate === undefined ? {} : { delegate }),
    ...(delegates ? { delegates } : {}),
  };
}

function textOf(pieces: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch {
    throw new TaskFailure({ reason: 'protocol-error', detail: 'the value is not UTF-8 text' }, {});
  }
}

function publicKeyFrom({ kty, crv, x }: NonNullable<FetchArguments['publicKey']>): PublicKey {
  if (kty === 'OKP' && crv === 'X25519' && /^[A-Za-z0-9_-]{43}$/.test(x)) return { kty, crv, x };
  throw new RequestError(
    'INVALID_REQUEST',
    'publicKey must be an X25519 key as a JWK: kty "OKP", crv "X25519", x of 43 base64url characters',
  );
}

export const legateFetchResolvers = {
  Mutation: { legate: () => ({}) },
  LegateMutation: { fetch: fetchValue },
};
