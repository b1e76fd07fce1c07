/** Text to message and back, validated on arrival and on departure, the same on both sides. */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import type { Static, TSchema } from 'typebox';
import { Clean } from 'typebox/value';
import type { FrameData } from './channel.ts';
import { limits } from './limits.ts';
import { schemas, type ToControlPlane, type ToDelegate } from './messages.ts';

/**
 * A frame that broke the schema. The message names the message type, the JSON path and the rule, and never
 * holds anything that was in the frame: it may be a value.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** What `parse` makes of a frame: a message, or the fact that a newer peer said something unknown here. */
export type Parsed<Message> = { known: true; message: Message } | { known: false };

export interface Codec<Incoming, Outgoing> {
  /**
   * Reads a frame. An unknown message type is not an error (a newer peer may say more), unknown fields of a
   * known one are dropped; everything else that breaks the schema throws a `ProtocolError`.
   */
  parse(frame: string): Parsed<Incoming>;
  /**
   * Writes a frame. Throws a `ProtocolError` for what the other side would refuse: unknown fields included, and
   * frames that are too large, as the socket would be closed for one with everything that runs over it.
   */
  stringify(message: Outgoing): string;
}

/** The agent's end of the wire. */
export function agentCodec(): Codec<ToDelegate, ToControlPlane> {
  return {
    parse: parser(schemas.toDelegate),
    stringify: writer(schemas.toControlPlane, limits.frameToControlPlane),
  };
}

/** The control plane's end of the wire. */
export function controlPlaneCodec(): Codec<ToControlPlane, ToDelegate> {
  return {
    parse: parser(schemas.toControlPlane),
    stringify: writer(schemas.toDelegate, limits.frameToDelegate),
  };
}

// On arrival fields that this version does not know are dropped, so that the code behind never sees them; on
// departure they are refused, so that a typo does not silently travel as nothing.
const ajv = new Ajv2020({ strict: true, allErrors: true });

function parser<Schemas extends Record<string, TSchema>>(
  known: Schemas,
): (frame: string) => Parsed<Static<Schemas[keyof Schemas]>> {
  const validators = new Map(
    Object.entries(known).map(([type, schema]) => [
      type,
      { schema, validate: ajv.compile<Static<Schemas[keyof Schemas]>>(schema) },
    ]),
  );
  return frame => {
    let message: unknown;
    try {
      message = JSON.parse(frame);
    } catch {
      throw new ProtocolError('the frame is not JSON');
    }
    const type = typeOf(message);
    if (type === undefined) throw new ProtocolError('the frame is not an object with a "type"');
    const found = validators.get(type);
    if (!found) return { known: false };
    const { schema, validate } = found;
    // Ajv's own way would take from a union's member what only another member has.
    message = Clean(schema, message);
    if (!validate(message)) throw new ProtocolError(describe(type, validate.errors));
    return { known: true, message };
  };
}

function writer<Schemas extends Record<string, TSchema>>(
  known: Schemas,
  mostBytes: number,
): (message: Static<Schemas[keyof Schemas]>) => string {
  const validators = new Map(Object.entries(known).map(([type, schema]) => [type, ajv.compile(schema)]));
  return message => {
    const type = typeOf(message);
    const validate = type === undefined ? undefined : validators.get(type);
    if (type === undefined || !validate)
      throw new ProtocolError('a message of a type that is not ours to send');
    if (!validate(message)) throw new ProtocolError(describe(type, validate.errors));
    const frame = JSON.stringify(message);
    if (Buffer.byteLength(frame) > mostBytes)
      throw new ProtocolError(`invalid "${type}": its frame is larger than ${mostBytes} bytes`);
    return frame;
  };
}

function typeOf(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
  return typeof message.type === 'string' ? message.type : undefined;
}

/** The text of a frame, in whichever shape the transport hands it over. */
export function frameText(data: FrameData): string {
  if (typeof data === 'string') return data;
  if (data instanceof ArrayBuffer) return Buffer.from(data).toString();
  return (Array.isArray(data) ? Buffer.concat(data) : data).toString();
}

/** One line from Ajv's errors: path and rule. Ajv's texts hold no data unless `verbose` is set. */
export function describe(what: string, errors: readonly ErrorObject[] | null | undefined): string {
  const parts = (errors ?? []).map(error => {
    const rule =
      error.keyword === 'additionalProperties'
        ? 'has a field that is not in the schema'
        : (error.message ?? error.keyword);
    return `${error.instancePath || '/'} ${rule}`;
  });
  return `invalid "${what}": ${[...new Set(parts)].join('; ')}`;
}
