/** The wire as it was when a version of the protocol was first published, and what its peers said. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

type Direction = 'toDelegate' | 'toControlPlane';
type Schema = Readonly<Record<string, unknown>>;

const read = (name: string) =>
  JSON.parse(
    readFileSync(new URL(`../../protocol/vectors/frozen/legate.v1/${name}`, import.meta.url), 'utf8'),
  );

/** The tables, as JSON Schemas by direction and type. */
export const frozenSchemas: Readonly<Record<Direction, Readonly<Record<string, Schema>>>> =
  read('schemas.json').schemas;

/** What an agent of then said. */
export const agentFrames: readonly string[] = read('agent.json').frames;
/** What a control plane of then said. */
export const controlPlaneFrames: readonly string[] = read('control-plane.json').frames;

// As the reader of then was made: unknown fields are dropped.
const ajv = new Ajv2020({ strict: false, allErrors: true, removeAdditional: true });

/**
 * What a peer of then makes of a frame: the message without what it does not know; undefined for a type that it
 * ignores. Throws for what it would close the connection for.
 */
export function readAsThen(direction: Direction, frame: string): Record<string, unknown> | undefined {
  const message: unknown = JSON.parse(frame);
  if (typeof message !== 'object' || message === null || !('type' in message)) throw new Error('no message');
  const type = String(message.type);
  const schema = frozenSchemas[direction][type];
  if (!schema) return undefined;
  const validate = ajv.compile<Record<string, unknown>>(schema);
  if (validate(message)) return message;
  throw new Error(`a peer of the first version refuses "${type}": ${ajv.errorsText(validate.errors)}`);
}
