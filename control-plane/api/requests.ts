/** The bodies of the native API's requests. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Static, type TSchema, Type } from 'typebox';
import { describe, limits, PublicKey } from '../../protocol/index.ts';
import { knownAlgorithms } from '../access/verify-jwt.ts';
import { RequestError } from '../domain/errors.ts';

const strict = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });
const Reference = Type.String({ minLength: 1, maxLength: 300 });
/** Where a reference without prefix, or with `org.`, is to be read. */
const scopeFields = {
  orgIdentifier: Type.Optional(Type.String({ maxLength: 128 })),
  projectIdentifier: Type.Optional(Type.String({ maxLength: 128 })),
};
const versionLabel = Type.String({ minLength: 1, maxLength: 128 });
/** An id of FirstGen's kind. */
const opaqueId = Type.String({ minLength: 1, maxLength: 128 });
const tokenName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' });

const tenYearsMs = 10 * 365 * 86_400_000;
const lifetime = Type.Optional(Type.Integer({ minimum: 1_000, maximum: tenYearsMs }));

export const FetchRequest = strict({
  secret: Reference,
  ...scopeFields,
  /** On whose behalf: for secrets with a usage scope. Both or none. */
  application: Type.Optional(opaqueId),
  environment: Type.Optional(opaqueId),
  /** Whoever brings a key gets the value sealed to it; others get it opened by the API. */
  publicKey: Type.Optional(PublicKey),
  /** Send the script's redacted error output too. */
  logs: Type.Optional(Type.Boolean()),
  /** Give no value that was had, or is being had, for another fetch. */
  fresh: Type.Optional(Type.Boolean()),
  /** How long a delegate is waited for where none fits, within the connector's timeout. */
  waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
});

export const TestRequest = strict({ connector: Reference, ...scopeFields });

export const SecretTestRequest = strict({ secret: Reference, ...scopeFields });

export const TemplateTestRequest = strict({
  template: Reference,
  ...scopeFields,
  /** Left out: the stable one. */
  versionLabel: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  inputs: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: limits.input }))),
  delegateSelectors: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 100 }),
  ),
  /** Seconds. */
  timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
});

export const SettingRequest = strict({ value: Type.Union([Type.Literal('on'), Type.Literal('off')]) });

export const AcceptRequest = strict({ connector: Reference, ...scopeFields });

export const ApplyRequest = strict({
  sources: Type.Array(
    strict({
      name: Type.String({ maxLength: 4_096 }),
      text: Type.String(),
      /** Base64 of the files that its SecretFile documents name, by the path that is written there. */
      files: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' }))),
    }),
    { minItems: 1 },
  ),
  dryRun: Type.Optional(Type.Boolean()),
  /** Move the connectors of template versions that change. */
  accept: Type.Optional(Type.Boolean()),
  /** Save connectors without their connection test. */
  skipTests: Type.Optional(Type.Boolean()),
});

export const TokenRequest = strict({
  name: tokenName,
  /** Names that its delegates may have; none: any. */
  delegateNames: Type.Optional(Type.Array(tokenName, { maxItems: 100 })),
  /** Tags that its delegates may claim; none: any. */
  tags: Type.Optional(
    Type.Array(Type.String({ pattern: '^\\s*[^\\s,][^,]*$', maxLength: 256 }), { maxItems: 200 }),
  ),
  /** Addresses and networks from which it counts; none: any. */
  networks: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 })),
  expiresInMs: lifetime,
  /** Ask its delegates to replace it before it ends. */
  renews: Type.Optional(Type.Boolean()),
  /** Whom its delegates serve: the account, an organisation or a project, and what is below. */
  ...scopeFields,
});

const claimValues = Type.Array(Type.String({ minLength: 1, maxLength: 1_000 }), {
  minItems: 1,
  maxItems: 100,
});

/** Without control characters: what a JWT says is looked up by it. */
const claimText = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$', maxLength: 1_000 });

export const IssuerRequest = strict({
  name: tokenName,
  /** The `iss` of its JWTs, exactly. */
  issuer: claimText,
  /** What must be in their `aud`. */
  audience: claimText,
  /** Where its keys are; without it and `jwks` OpenID Connect discovery at the issuer says it. */
  jwksUrl: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]+$', maxLength: 1_000 })),
  /** The keys themselves: a JWK Set as JSON text. */
  jwks: Type.Optional(Type.String({ maxLength: 65_536 })),
  /** Certificates in PEM that are trusted where its keys are fetched, instead of the server's own. */
  ca: Type.Optional(Type.String({ pattern: '^[^\\u0000]*$', maxLength: 65_536 })),
  /** What may sign its JWTs; left out: RS256, ES256 and EdDSA. */
  algorithms: Type.Optional(
    Type.Array(Type.String({ enum: [...knownAlgorithms] }), {
      minItems: 1,
      maxItems: knownAlgorithms.length,
    }),
  ),
  /** By a claim's name, or a JSON pointer into it: the values that it may have. */
  claims: Type.Optional(
    Type.Record(Type.String({ minLength: 1, maxLength: 300 }), claimValues, { maxProperties: 50 }),
  ),
  /** Let in whoever holds one of its JWTs for this audience: for a rule without `claims`. */
  anyHolder: Type.Optional(Type.Boolean()),
  delegateNames: TokenRequest.properties.delegateNames,
  tags: TokenRequest.properties.tags,
  networks: TokenRequest.properties.networks,
  ...scopeFields,
});

export const TokenRotateRequest = strict({
  /** For how long the one before counts after the new one was used first. */
  overlapMs: Type.Integer({ minimum: 0, maximum: tenYearsMs }),
  /** Let the delegates replace it themselves. */
  inPlace: Type.Optional(Type.Boolean()),
});

export const TokenRevokeQuery = strict({
  /** For how long its delegates may finish what runs; left out: they are cut off at once. */
  drainMs: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$' })),
});

export const StableRequest = strict({ template: Reference, versionLabel, ...scopeFields });

export const RotateKeyRequest = strict({
  /** False: the key ring is as it shall be, the new key in front. */
  newKey: Type.Optional(Type.Boolean()),
});

export const ScopeQuery = strict(scopeFields);

export const SearchQuery = strict({
  ...scopeFields,
  /** Part of a name or identifier, in any case. */
  search: Type.Optional(Type.String({ maxLength: 128 })),
});

export const VersionQuery = strict({ ...scopeFields, versionLabel: Type.Optional(versionLabel) });

export const DiffQuery = strict({
  ...scopeFields,
  from: Type.Optional(versionLabel),
  to: Type.Optional(versionLabel),
});

export const ExportQuery = strict({
  ...scopeFields,
  /** With everything in the scopes below. */
  recursive: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
});

const ajv = new Ajv2020({ strict: true, allErrors: true });

/** The body as the schema has it. Throws a `RequestError` that names field and rule, never what was sent. */
export function body<Schema extends TSchema>(schema: Schema, data: unknown): Static<Schema> {
  const validate = ajv.compile<Static<Schema>>(schema);
  if (validate(data)) return data;
  throw new RequestError('INVALID_REQUEST', describe('body', validate.errors));
}

/** The same for what stands behind the `?` of a URL. */
export function query<Schema extends TSchema>(schema: Schema, data: unknown): Static<Schema> {
  const validate = ajv.compile<Static<Schema>>(schema);
  if (validate(data)) return data;
  throw new RequestError('INVALID_REQUEST', describe('query', validate.errors));
}
