/** The bodies of the native API's requests. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Static, type TSchema, Type } from 'typebox';
import { describe, PublicKey } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';

const strict = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });
const Reference = Type.String({ minLength: 1, maxLength: 300 });
const tokenName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' });

export const FetchRequest = strict({
  secret: Reference,
  /** Whoever brings a key gets the value sealed to it; others get it opened by the API. */
  publicKey: Type.Optional(PublicKey),
  /** Send the script's redacted error output too. */
  logs: Type.Optional(Type.Boolean()),
});

export const TestRequest = strict({ connector: Reference });

export const ApplyRequest = strict({
  sources: Type.Array(strict({ name: Type.String({ maxLength: 4_096 }), text: Type.String() }), {
    minItems: 1,
  }),
  dryRun: Type.Optional(Type.Boolean()),
});

export const TokenRequest = strict({
  name: tokenName,
  delegateNames: Type.Optional(Type.Array(tokenName, { maxItems: 100 })),
});

const ajv = new Ajv2020({ strict: true, allErrors: true });

/** The body as the schema has it. Throws a `RequestError` that names field and rule, never what was sent. */
export function body<Schema extends TSchema>(schema: Schema, data: unknown): Static<Schema> {
  const validate = ajv.compile<Static<Schema>>(schema);
  if (validate(data)) return data;
  throw new RequestError('INVALID_REQUEST', describe('body', validate.errors));
}
