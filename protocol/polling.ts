/**
 * Long polling: the same frames over plain HTTP, for networks that break websockets. A body is lines: the first one
 * an envelope, each of the others a frame. PROTOCOL.md says which request does what.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Static, type TSchema, Type } from 'typebox';
import { Clean } from 'typebox/value';
import { describe, ProtocolError } from './codec.ts';

/** The path of each step is below it, which is below the control plane's URL. */
export const pollPath = '/api/v1/delegates/poll';
/** The most that a `receive` may wait. */
export const pollMs = 25_000;
export const pollContentType = 'application/x-ndjson';

const object = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });
const count = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) => Type.Integer({ minimum, maximum });
const session = Type.String({ pattern: '^[A-Za-z0-9_-]{22,64}$' });
const version = Type.String({ minLength: 1, maxLength: 64 });

const Close = object({
  code: count(1_000, 4_999),
  reason: Type.String({ minLength: 0, maxLength: 123 }),
});
export type Close = Static<typeof Close>;

/** The envelopes, by step. */
export const pollSchemas = {
  request: {
    open: object({ protocols: Type.Array(version, { maxItems: 10 }) }),
    send: object({ session, seq: count(1), close: Type.Optional(Close) }),
    receive: object({ session, received: count(0), waitMs: count(0, pollMs) }),
  },
  answer: {
    open: object({
      session: Type.Optional(session),
      protocol: Type.Optional(version),
      close: Type.Optional(Close),
    }),
    send: object({ received: Type.Optional(count(0)), close: Type.Optional(Close) }),
    receive: object({ seq: Type.Optional(count(1)), close: Type.Optional(Close) }),
  },
};

export type PollStep = keyof typeof pollSchemas.request;
export const pollSteps: readonly PollStep[] = ['open', 'send', 'receive'];
type Kind = keyof typeof pollSchemas;
export type Envelope<K extends Kind, Step extends PollStep> = Static<(typeof pollSchemas)[K][Step]>;

/** A body that was read. */
export interface Batch<E> {
  readonly envelope: E;
  readonly frames: readonly string[];
}

/** A body. No frame of ours has a line end in it: JSON writes those of texts as `\n`. */
export function writeBatch(envelope: object, frames: readonly string[] = []): string {
  return [JSON.stringify(envelope), ...frames, ''].join('\n');
}

const ajv = new Ajv2020({ strict: true, allErrors: true });

/** Reads a body; its frames are for the codec. Throws a `ProtocolError` that quotes nothing of it. */
export function batchReader<K extends Kind, Step extends PollStep>(
  kind: K,
  step: Step,
): (text: string) => Batch<Envelope<K, Step>> {
  const schema: (typeof pollSchemas)[K][Step] = pollSchemas[kind][step];
  const validate = ajv.compile<Envelope<K, Step>>(schema);
  return text => {
    const [first = '', ...frames] = text.split('\n');
    // The last line has an end too.
    if (frames.at(-1) === '') frames.pop();
    let envelope: unknown;
    try {
      envelope = JSON.parse(first);
    } catch {
      throw new ProtocolError('the first line is not JSON');
    }
    envelope = Clean(schema, envelope);
    if (!validate(envelope)) throw new ProtocolError(describe(step, validate.errors));
    return { envelope, frames };
  };
}

/** How many of these frames go into one body: at least one, then as many as stay within `mostBytes`. */
export function fitting(frames: readonly string[], mostBytes: number): number {
  let bytes = 0;
  for (const [index, frame] of frames.entries()) {
    bytes += Buffer.byteLength(frame) + 1;
    if (bytes > mostBytes && index > 0) return index;
  }
  return frames.length;
}
