/** Fetching and testing: answers that are streams of events, one JSON object per line. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { generateSealingKeys, openValue, SealError, type SealingKeys } from '../../protocol/index.ts';
import type { DispatchEvent } from '../dispatch/dispatcher.ts';
import { type FetchTools, fetchSecret } from '../fetch-secret.ts';
import { body, FetchRequest, TestRequest } from './requests.ts';

/** A line of the answer, as callers see it. */
export type FetchEvent =
  | Exclude<DispatchEvent, { event: 'succeeded' | 'value' }>
  | Extract<DispatchEvent, { event: 'value' }>
  /** The value, opened: its pieces in order, each of them whole characters. */
  | { readonly event: 'value'; readonly seq: number; readonly text: string }
  /** A connection test was successful: there is a value, which is not shown. */
  | { readonly event: 'value'; readonly seq: number; readonly length: 'non-empty' }
  | (Omit<Extract<DispatchEvent, { event: 'succeeded' }>, 'event'> & { readonly event: 'done' });

export function fetchRoutes(api: FastifyInstance, tools: FetchTools): void {
  api.post('/fetch', async (request, reply) => {
    const { secret, publicKey, logs } = body(FetchRequest, request.body);
    const keys = publicKey ? undefined : await generateSealingKeys();
    const recipient = publicKey ?? keys?.publicKey;
    if (!recipient) throw new Error('a fetch has no recipient');
    const signal = hangUpSignal(reply);
    const events = await fetchSecret(tools, {
      subject: { secret },
      recipient,
      caller: request.caller,
      logs: logs === true,
      signal,
    });
    return stream(reply, keys ? opened(events, keys) : sealed(events));
  });

  api.post('/connectors/test', async (request, reply) => {
    const { connector } = body(TestRequest, request.body);
    const { publicKey } = await generateSealingKeys();
    const signal = hangUpSignal(reply);
    const events = await fetchSecret(tools, {
      subject: { connector },
      recipient: publicKey,
      caller: request.caller,
      logs: true,
      signal,
    });
    return stream(reply, withoutValue(events));
  });
}

/** Aborts when the caller goes away before the answer is complete. */
function hangUpSignal(reply: FastifyReply): AbortSignal {
  const hungUp = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) hungUp.abort();
  });
  return hungUp.signal;
}

function stream(reply: FastifyReply, events: AsyncIterable<FetchEvent>): FastifyReply {
  reply
    .header('content-type', 'application/x-ndjson')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no');
  return reply.send(Readable.from(lines(events), { objectMode: false }));
}

async function* lines(events: AsyncIterable<FetchEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}

async function* sealed(events: AsyncIterable<DispatchEvent>): AsyncGenerator<FetchEvent> {
  for await (const event of events) yield event.event === 'succeeded' ? { ...event, event: 'done' } : event;
}

/** Opens the value for a caller that has no key of its own, in memory and for this one request. */
async function* opened(events: AsyncIterable<DispatchEvent>, keys: SealingKeys): AsyncGenerator<FetchEvent> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let opener: ReturnType<typeof openValue> | undefined;
  try {
    for await (const event of events) {
      if (event.event === 'value') {
        opener ??= openValue(keys, event);
        const bytes = await opener.open(event);
        yield { event: 'value', seq: event.seq, text: decoder.decode(bytes, { stream: !event.final }) };
      } else if (event.event === 'succeeded') {
        opener?.finish();
        yield { ...event, event: 'done' };
      } else yield event;
    }
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    yield {
      event: 'failed',
      task: '',
      attempt: 0,
      failure: { reason: 'protocol-error', detail: error.message },
    };
  }
}

/** A connection test never returns the value: its key is thrown away unused. */
async function* withoutValue(events: AsyncIterable<DispatchEvent>): AsyncGenerator<FetchEvent> {
  for await (const event of events) {
    if (event.event !== 'value') yield* sealed(once(event));
    else if (event.seq === 0) yield { event: 'value', seq: 0, length: 'non-empty' };
  }
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}
