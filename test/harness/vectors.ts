/** The golden vectors of protocol/vectors/, for the tests of whoever reads or writes the wire. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { importJWK } from 'jose';
import { type Static, type TSchema, Type } from 'typebox';
import { type PollStep, pollSteps, type SealingKeys } from '../../protocol/index.ts';

const folder = new URL('../../protocol/vectors/', import.meta.url);
const ajv = new Ajv2020({ strict: true });

const object = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });

const direction = Type.Unsafe<'toDelegate' | 'toControlPlane'>(
  Type.String({ enum: ['toDelegate', 'toControlPlane'] }),
);
/** A frame and what its reader makes of it; without a message it is ignored as unknown. */
const Valid = object({
  direction,
  name: Type.String(),
  frame: Type.String(),
  message: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
/** A frame and the text of the `ProtocolError` that its reader throws. */
const Invalid = object({ direction, name: Type.String(), frame: Type.String(), error: Type.String() });

const jwk = { kty: Type.Literal('OKP'), crv: Type.Literal('X25519'), x: Type.String() };
const sealing = <T extends TSchema>(vector: T) =>
  object({
    note: Type.String(),
    keys: object({ publicKey: object(jwk), privateKey: object({ ...jwk, d: Type.String() }) }),
    task: Type.String(),
    attempt: Type.Integer(),
    cases: Type.Array(vector, { minItems: 1 }),
  });
/** A body of a long poll, and what its reader makes of it: envelope and frames, or an error. */
const Body = object({
  kind: Type.Unsafe<'request' | 'answer'>(Type.String({ enum: ['request', 'answer'] })),
  step: Type.Unsafe<PollStep>(Type.String({ enum: [...pollSteps] })),
  name: Type.String(),
  body: Type.String(),
  envelope: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  frames: Type.Optional(Type.Array(Type.String())),
  error: Type.Optional(Type.String()),
});
/** What comes of opening: a text, or the text of the `SealError`. */
const result = { value: Type.Optional(Type.String()), error: Type.Optional(Type.String()) };
const Values = sealing(
  object({
    name: Type.String(),
    chunks: Type.Array(object({ seq: Type.Integer(), final: Type.Boolean(), sealed: Type.String() })),
    ...result,
  }),
);
const Inputs = sealing(
  object({ name: Type.String(), index: Type.Integer(), sealed: Type.String(), ...result }),
);

/** Of which file a message vector is: the message type, or what the vectors of the file have in common. */
interface Origin {
  readonly file: string;
}
export type BodyVector = Static<typeof Body>;
export type ValidVector = Static<typeof Valid> & Origin;
export type InvalidVector = Static<typeof Invalid> & Origin;
export type ValueVectors = Static<typeof Values>;
export type InputVectors = Static<typeof Inputs>;

/** Frames that are read, or ignored. */
export const validVectors = (): ValidVector[] => all('valid', Valid);
/** Frames that are refused. */
export const invalidVectors = (): InvalidVector[] => all('invalid', Invalid);
/** Chunks of a value, in the order in which they come. */
export const valueVectors = (): ValueVectors => read('sealing/values.json', Values);
export const bodyVectors = (): BodyVector[] => read('polling/bodies.json', Type.Array(Body, { minItems: 1 }));
export const inputVectors = (): InputVectors => read('sealing/inputs.json', Inputs);

/** The key pair of sealing vectors. */
export async function vectorKeys({ keys }: ValueVectors | InputVectors): Promise<SealingKeys> {
  const privateKey = await importJWK({ ...keys.privateKey }, 'ECDH-ES');
  if (privateKey instanceof Uint8Array) throw new Error('the private key of the vectors is none');
  return { publicKey: keys.publicKey, privateKey };
}

function all<T extends TSchema>(kind: string, schema: T): (Static<T> & Origin)[] {
  const files = readdirSync(new URL(`${kind}/`, folder)).filter(name => name.endsWith('.json'));
  if (files.length === 0) throw new Error(`no vectors in ${kind}/`);
  const list = Type.Array(schema, { minItems: 1 });
  return files.sort().flatMap(name => {
    const vectors: readonly Static<T>[] = read(`${kind}/${name}`, list);
    return vectors.map(vector => ({ ...vector, file: name.replace(/\.json$/, '') }));
  });
}

function read<T extends TSchema>(path: string, schema: T): Static<T> {
  const content: unknown = JSON.parse(readFileSync(new URL(path, folder), 'utf8'));
  const isRight = ajv.compile<Static<T>>(schema);
  if (!isRight(content)) throw new Error(`${path} is not as expected: ${ajv.errorsText(isRight.errors)}`);
  return content;
}
