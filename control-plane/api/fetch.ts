/** Fetching and testing: answers that are streams of events, one JSON object per line. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type Clock,
  generateSealingKeys,
  openValue,
  SealError,
  type SealingKeys,
  sleep,
} from '../../protocol/index.ts';
import type { ApiKeys } from '../access/api-keys.ts';
import type { DispatchEvent } from '../dispatch/dispatcher.ts';
import { RequestError } from '../domain/errors.ts';
import { type Consumer, type FetchTools, fetchSecret, type FetchRequest as Wanted } from '../fetch-secret.ts';
import { callerOf } from './caller.ts';
import { referenceOf } from './place.ts';
import { body, FetchRequest, SecretTestRequest, TemplateTestRequest, TestRequest } from './requests.ts';

/** A line of the answer, as callers see it. */
export type FetchEvent =
  | Exclude<DispatchEvent, { event: 'succeeded' | 'value' }>
  | Extract<DispatchEvent, { event: 'value' }>
  /** The value, opened: its pieces in order, each of them whole characters. */
  | { readonly event: 'value'; readonly seq: number; readonly text: string }
  /** A connection test was successful: there is a value, which is not shown. */
  | { readonly event: 'value'; readonly seq: number; readonly length: 'non-empty' }
  | (Omit<Extract<DispatchEvent, { event: 'succeeded' }>, 'event'> & { readonly event: 'done' });

export function fetchRoutes(api: FastifyInstance, tools: FetchTools & { readonly keys: ApiKeys }): void {
  api.post('/fetch', async (request, reply) => {
    const asked = body(FetchRequest, request.body);
    const { publicKey, logs, fresh, waitMs = 0 } = asked;
    const caller = callerOf(request);
    const signal = hangUpSignal(reply, end => tools.keys.whenEnded(caller, end));
    const keys = publicKey ? undefined : await generateSealingKeys();
    const recipient = publicKey ?? keys?.publicKey;
    if (!recipient) throw new Error('a fetch has no recipient');
    const events = await fetchSecret(tools, {
      subject: { secret: referenceOf(asked.secret, asked) },
      consumer: consumerOf(asked),
      recipient,
      caller,
      logs: logs === true,
      fresh: fresh === true,
      waitMs,
      signal,
      traceparent: traceparentOf(request),
    });
    return stream(reply, tools.clock, keys ? opened(events, keys) : sealed(events));
  });

  api.post('/connectors/test', async (request, reply) => {
    const asked = body(TestRequest, request.body);
    return test(request, reply, { connector: referenceOf(asked.connector, asked) });
  });

  api.post('/secrets/test', async (request, reply) => {
    const asked = body(SecretTestRequest, request.body);
    return test(request, reply, { testedSecret: referenceOf(asked.secret, asked) });
  });

  api.post('/templates/test', async (request, reply) => {
    const asked = body(TemplateTestRequest, request.body);
    const template = { ...referenceOf(asked.template, asked), versionLabel: asked.versionLabel };
    const { inputs = {}, delegateSelectors: selectors = [], timeout: timeoutSeconds = 20 } = asked;
    return test(request, reply, { dryRun: { template, inputs, selectors, timeoutSeconds } });
  });

  /** The value is sealed to a key that nobody keeps. */
  async function test(request: FastifyRequest, reply: FastifyReply, subject: Wanted['subject']) {
    const caller = callerOf(request);
    const signal = hangUpSignal(reply, end => tools.keys.whenEnded(caller, end));
    const { publicKey } = await generateSealingKeys();
    const asked = { subject, recipient: publicKey, caller, logs: true, signal };
    const events = await fetchSecret(tools, { ...asked, traceparent: traceparentOf(request) });
    return stream(reply, tools.clock, withoutValue(events));
  }
}

function traceparentOf({ headers }: FastifyRequest): string | undefined {
  return typeof headers.traceparent === 'string' ? headers.traceparent : undefined;
}

function consumerOf(asked: { application?: string; environment?: string }): Consumer | undefined {
  const { application, environment } = asked;
  if (application !== undefined && environment !== undefined) return { application, environment };
  if (application === undefined && environment === undefined) return undefined;
  throw new RequestError('INVALID_REQUEST', 'application and environment go together: give both or none');
}

/** Aborts when the caller goes away before the answer is complete, or `watch` says that its key has ended. */
export function hangUpSignal(reply: FastifyReply, watch: (end: () => void) => () => void): AbortSignal {
  const hungUp = new AbortController();
  const stopWatching = watch(() => hungUp.abort());
  reply.raw.once('close', stopWatching);
  // It may be gone already: who it is had to be looked up.
  if (reply.raw.closed) hungUp.abort();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) hungUp.abort();
  });
  return hungUp.signal;
}

function stream(reply: FastifyReply, clock: Clock, events: AsyncIterable<FetchEvent>): FastifyReply {
  reply
    .header('content-type', 'application/x-ndjson')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no');
  return reply.send(Readable.from(lines(clock, events), { objectMode: false }));
}

/** Proxies and HTTP clients take an answer that is silent for a minute or some for a dead one. */
const silenceMs = 15_000;

/** A line per event, and an empty one whenever nothing has happened for a while. */
async function* lines(clock: Clock, events: AsyncIterable<FetchEvent>): AsyncGenerator<string> {
  const iterator = events[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    while (true) {
      const heard = new AbortController();
      const silence = sleep(clock, silenceMs, heard.signal).then(() => 'silence' as const);
      const result = await Promise.race([next, silence]).finally(() => heard.abort());
      if (result === 'silence') {
        yield '\n';
        continue;
      }
      if (result.done) return;
      yield `${JSON.stringify(result.value)}\n`;
      next = iterator.next();
    }
  } finally {
    await iterator.return?.();
  }
}

async function* sealed(events: AsyncIterable<DispatchEvent>): AsyncGenerator<FetchEvent> {
  for await (const event of events) yield event.event === 'succeeded' ? { ...event, event: 'done' } : event;
}

/** Opens the value for a caller that has no key of its own, in memory and for this one request. */
async function* opened(events: AsyncIterable<DispatchEvent>, keys: SealingKeys): AsyncGenerator<FetchEvent> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let opener: ReturnType<typeof openValue> | undefined;
  let last = { task: '', attempt: 0 };
  try {
    for await (const event of events) {
      if ('task' in event) last = { task: event.task, attempt: event.attempt };
      if (event.event === 'value') {
        opener ??= openValue(keys, event);
        const bytes = await opener.open(event);
        yield { event: 'value', seq: event.seq, text: decoder.decode(bytes, { stream: !event.final }) };
      } else if (event.event === 'succeeded') {
        if (!opener) throw new SealError('there was no value');
        opener.finish();
        yield { ...event, event: 'done' };
      } else yield event;
    }
  } catch (error) {
    const detail = error instanceof SealError ? error.message : notText(error);
    if (detail === undefined) throw error;
    yield { event: 'failed', ...last, failure: { reason: 'protocol-error', detail } };
  }
}

function notText(error: unknown): string | undefined {
  const isDecoding =
    error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
  return isDecoding ? 'the value is not UTF-8 text' : undefined;
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
