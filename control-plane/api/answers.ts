/** What the native API answers. The tests hold every answer that they see to these schemas. */
import { type TSchema, Type } from 'typebox';
import { failureReasons } from '../../protocol/index.ts';
import { kinds } from '../documents/schemas.ts';
import { roles } from '../domain/permissions.ts';

const object = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });
const optional = Type.Optional;
const text = Type.String();
const texts = Type.Array(text);
const bool = Type.Boolean();
const number = Type.Integer();
const time = Type.String({ description: 'ISO 8601, UTC' });
const oneOf = <T extends string>(values: readonly T[]) => Type.String({ enum: [...values] });
const items = (item: TSchema) => object({ items: Type.Array(item) });
const Kind = oneOf(Object.keys(kinds));
const Reference = Type.String({ description: 'absolute, as in account.x, org/ORG/x or org/ORG/PROJECT/x' });
/** A document, below the key of its kind. */
const DocumentBody = Type.Unknown({ description: 'what stands below the key of its kind' });

export const Status = object({ status: text, reason: optional(text) });

export const Failed = object({
  status: Type.Literal('ERROR'),
  code: text,
  message: text,
  problems: texts,
  correlationId: Type.String({ description: 'under which the log of the server says more' }),
});

const Affected = {
  connector: Reference,
  added: texts,
  removed: texts,
  changed: texts,
  scriptChanged: bool,
  secrets: Type.Array(Reference),
  problems: Type.Array(text, { description: 'why it could not be accepted' }),
};

export const Applied = object({
  applied: Type.Array(
    object({
      kind: Kind,
      reference: Reference,
      change: oneOf(['created', 'changed', 'unchanged']),
      affected: optional(Type.Array(object({ ...Affected, accepted: bool }))),
    }),
  ),
});

export const Deleted = object({ deleted: Type.Array(object({ kind: Kind, reference: Reference })) });

export const Exported = object({
  documents: Type.Array(
    object({ kind: Kind, reference: Reference, document: DocumentBody, valueLeftOut: bool }),
  ),
  leftOut: Type.Array(object({ kind: Kind, reference: Reference, reason: text })),
});

export const Templates = items(
  object({ identifier: Reference, name: text, version: text, stable: bool, inputs: texts, updatedAt: time }),
);

const shownInput = { label: text, type: oneOf(['String', 'Number', 'Secret']), value: text };

export const Template = object({
  reference: Reference,
  name: text,
  uuid: text,
  versionLabel: text,
  stable: bool,
  versions: texts,
  syntax: oneOf(['NG', 'FirstGen']),
  script: text,
  inputs: Type.Array(object({ ...shownInput, fixed: bool })),
  program: object({ text, digest: text }),
  contentDigest: text,
  createdAt: time,
  updatedAt: time,
  document: DocumentBody,
});

const input = object(shownInput);
export const TemplateDiff = object({
  reference: Reference,
  from: text,
  to: text,
  script: Type.String({ description: 'a unified diff; empty: the scripts are the same' }),
  inputs: object({
    added: Type.Array(input),
    removed: Type.Array(input),
    changed: Type.Array(object({ before: input, after: input })),
  }),
  affected: Type.Array(object(Affected)),
});

export const Stable = object({ reference: Reference });

const listedConnector = {
  identifier: Reference,
  name: text,
  template: Reference,
  version: text,
  drifted: Type.Boolean({ description: 'the template version has changed since; the older content runs' }),
  updatedAt: time,
};
const generation = oneOf(['NG', 'FirstGen']);
export const Connectors = items(object(listedConnector));
export const Connector = object({
  ...listedConnector,
  uuid: text,
  generation,
  contentDigest: text,
  createdAt: time,
  document: DocumentBody,
});

export const Accepted = object({ connector: Reference, accepted: optional(object(Affected)) });

const listedSecret = {
  identifier: Reference,
  name: text,
  type: oneOf(['SecretText', 'SecretFile', 'SSHKey']),
  connector: text,
  updatedAt: time,
};
export const Secrets = items(object(listedSecret));
export const Secret = object({
  ...listedSecret,
  uuid: text,
  generation,
  createdAt: time,
  usedBy: texts,
  document: DocumentBody,
});

const whyNot = { delegate: text, instance: optional(text), why: optional(text), detail: text };

export const Explanation = object({
  secret: Reference,
  connector: Reference,
  template: Reference,
  versionLabel: text,
  drifted: bool,
  owner: text,
  programDigest: text,
  inputs: Type.Array(
    object({
      label: text,
      value: optional(Type.String({ description: 'absent where it is, or holds, a secret value' })),
      source: oneOf(['secret', 'connector', 'template', 'template default']),
    }),
  ),
  selectors: texts,
  workingDirectory: optional(text),
  timeoutMs: number,
  cacheTtlMs: number,
  key: optional(text),
  delegates: Type.Array(object(whyNot)),
  nearestMiss: optional(text),
});

export const ApplicationBody = object({
  identifier: text,
  name: text,
  environments: Type.Array(
    object({ identifier: text, name: text, type: oneOf(['Production', 'PreProduction']) }),
  ),
});
export const Applications = items(ApplicationBody);
export const Application = object({ identifier: text, document: ApplicationBody });

const delegateState = oneOf(['connected', 'draining', 'disconnected']);
const delegateStatus = oneOf(['ENABLED', 'WAITING_FOR_APPROVAL', 'DELETED']);
const versionNote = optional(
  Type.String({ description: "where it is not the control plane's version: older, or newer" }),
);
export const Delegates = items(
  object({
    name: text,
    instance: optional(text),
    scope: text,
    state: delegateState,
    status: delegateStatus,
    since: optional(text),
    tags: texts,
    hostName: text,
    agentVersion: text,
    versionNote,
    lastHeartbeatAt: optional(time),
    running: optional(number),
    capacity: optional(number),
    clientCertificate: optional(
      object({
        subject: text,
        fingerprint: text,
        endsAt: time,
        problem: optional(Type.String({ description: 'why it does not count' })),
      }),
    ),
  }),
);

export const Delegate = object({
  name: text,
  uuid: text,
  scope: text,
  state: delegateState,
  status: delegateStatus,
  drainedAt: optional(
    Type.String({ description: 'since then an operator lets it have no tasks; ISO 8601, UTC' }),
  ),
  tags: texts,
  hostName: text,
  versions: texts,
  serverVersion: text,
  firstConnectedAt: time,
  lastConnectedAt: time,
  lastDisconnectedAt: optional(time),
  running: number,
  capacity: number,
  instances: Type.Array(
    object({
      instance: text,
      hostName: text,
      agentVersion: text,
      versionNote,
      state: delegateState,
      tags: texts,
      connectedAt: time,
      lastHeartbeatAt: time,
      running: number,
      capacity: number,
    }),
  ),
  failures: Type.Array(
    object({ at: time, instance: text, reason: oneOf(failureReasons), connector: Reference, task: text }),
    { description: 'the last ones since this server started, the newest first' },
  ),
  passedOver: Type.Array(
    object({
      instance: text,
      connector: Reference,
      failures: number,
      reason: oneOf(failureReasons),
      remainingMs: number,
      trying: bool,
    }),
    { description: 'for which connectors it gets no tasks for a while, as it keeps failing' },
  ),
});

export const Token = object({ name: text, token: Type.String({ description: 'shown this once' }) });
export const Tokens = items(
  object({
    id: text,
    name: text,
    scope: text,
    delegateNames: texts,
    tags: texts,
    networks: texts,
    renews: bool,
    state: oneOf(['active', 'expired', 'revoked']),
    createdBy: text,
    createdAt: time,
    expiresAt: optional(time),
    lastUsedAt: optional(time),
    previousUntil: optional(time),
    delegates: Type.Array(text, { description: 'connected to this server with it' }),
    delegatesOnPrevious: Type.Array(text, { description: 'those of them that still use one before' }),
  }),
);
export const Issuer = object({ name: text });
export const Issuers = items(
  object({
    id: text,
    name: text,
    scope: text,
    issuer: text,
    audience: text,
    jwksUrl: optional(text),
    jwks: optional(Type.String({ description: 'a JWK Set' })),
    ca: optional(Type.String({ description: 'PEM' })),
    algorithms: texts,
    claims: Type.Record(Type.String(), texts),
    delegateNames: texts,
    tags: texts,
    networks: texts,
    createdBy: text,
    createdAt: time,
    delegates: Type.Array(text, { description: 'connected to this server with its JWTs' }),
  }),
);
export const IssuerDeleted = object({ name: text, state: Type.Literal('deleted') });
export const TokenRotated = object({
  name: text,
  token: optional(Type.String({ description: 'shown this once; none where the delegates make their own' })),
  delegates: optional(
    Type.Array(
      object({
        delegate: text,
        instance: text,
        outcome: oneOf(['replaced', 'declined', 'disconnected', 'no answer']),
        reason: optional(text),
      }),
    ),
  ),
});

const grant = object({
  role: oneOf(roles),
  scope: text,
  connector: optional(Reference),
  secret: optional(Reference),
});
export const Keys = items(
  object({
    id: text,
    name: text,
    grants: Type.Array(grant),
    state: oneOf(['active', 'expired', 'revoked']),
    createdBy: text,
    createdAt: time,
    expiresAt: optional(time),
    lastUsedAt: optional(time),
    previousUntil: optional(time),
  }),
);
export const Key = object({ name: text, key: Type.String({ description: 'shown this once' }) });
export const Revoked = object({ name: text, state: Type.Literal('revoked') });

export const AuditPage = object({
  items: Type.Array(Type.Object({ seq: number, time, type: text, id: text, action: text })),
  next: optional(number),
});
const verification = object({
  ok: bool,
  count: number,
  head: object({ seq: number, hash: text }),
  fault: optional(object({ seq: number, reason: text })),
});
export const Verified = object({ store: verification, file: optional(verification) });
export const Fingerprint = object({ fingerprint: text });

export const Rotated = object({
  primary: text,
  resumed: bool,
  rewrapped: number,
  dropped: texts,
  removable: texts,
  left: Type.Record(text, number),
});

export const AccountSetting = object({ name: text, value: oneOf(['on', 'off']), meaning: text });
export const AccountSettings = items(AccountSetting);

const attempt = { task: text, attempt: number };
const event = <Name extends string, T extends Record<string, TSchema>>(name: Name, fields: T) =>
  object({ event: Type.Literal(name), ...fields });

/** One line of an answer that is a stream. The last one is `done` or `failed`. */
export const FetchEvent = Type.Union([
  event('accepted', { ...attempt, delegate: text }),
  event('log', { text }),
  event('value', { seq: number, text: Type.String({ description: 'the next characters of the value' }) }),
  event('value', { seq: number, length: Type.Literal('non-empty') }),
  event('value', {
    ...attempt,
    seq: number,
    final: bool,
    sealed: Type.String({ description: 'a JWE for the key of the request' }),
  }),
  event('done', {
    ...attempt,
    delegate: text,
    durationMs: number,
    ageMs: optional(
      Type.Number({ description: 'the value was had for another fetch, so many milliseconds ago' }),
    ),
  }),
  event('failed', {
    ...attempt,
    delegate: optional(text),
    failure: object({
      reason: oneOf(failureReasons),
      detail: optional(text),
      exitCode: optional(number),
      signal: optional(text),
      stderrTail: optional(text),
    }),
    delegates: optional(Type.Array(object(whyNot))),
    delegatesLeftOut: optional(number),
    nearestMiss: optional(text),
  }),
]);
