/** Every operation of the native API, with the schemas that check it: what the OpenAPI document is made from. */
import { type TSchema, Type } from 'typebox';
import * as answers from './answers.ts';
import { AuditQuery, FingerprintRequest, VerifyQuery } from './audit.ts';
import { KeyRequest, RotateRequest } from './keys.ts';
import * as requests from './requests.ts';

export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  /** As the router has it. */
  readonly path: string;
  readonly summary: string;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly answer: TSchema;
  /** The answer is one JSON object per line. */
  readonly isStream?: true;
  /** It needs no key. */
  readonly isOpen?: true;
}

const { ScopeQuery, VersionQuery } = requests;

const documents: Operation[] = [
  {
    method: 'post',
    path: '/api/v1/apply',
    summary:
      'Create or change templates, connectors, secrets and applications from YAML: all of them or none',
    body: requests.ApplyRequest,
    answer: answers.Applied,
  },
  {
    method: 'get',
    path: '/api/v1/export',
    summary: 'The documents of a scope, to be applied again. Values of secrets are not among them',
    query: requests.ExportQuery,
    answer: answers.Exported,
  },
];

const fetching: Operation[] = [
  {
    method: 'post',
    path: '/api/v1/fetch',
    summary: 'Fetch the value of a secret',
    body: requests.FetchRequest,
    answer: answers.FetchEvent,
    isStream: true,
  },
  {
    method: 'post',
    path: '/api/v1/connectors/test',
    summary: 'Run the script of a connector with its own inputs; the value is not shown',
    body: requests.TestRequest,
    answer: answers.FetchEvent,
    isStream: true,
  },
  {
    method: 'post',
    path: '/api/v1/templates/test',
    summary: 'Run the script of a template version before there is a connector; the value is not shown',
    body: requests.TemplateTestRequest,
    answer: answers.FetchEvent,
    isStream: true,
  },
  {
    method: 'post',
    path: '/api/v1/secrets/test',
    summary: 'Run the script of a secret, for whether there is a value; it is not shown',
    body: requests.SecretTestRequest,
    answer: answers.FetchEvent,
    isStream: true,
  },
];

const templates: Operation[] = [
  {
    method: 'get',
    path: '/api/v1/templates',
    summary: 'Every version of the templates of a scope',
    query: requests.SearchQuery,
    answer: answers.Templates,
  },
  {
    method: 'get',
    path: '/api/v1/templates/:reference',
    summary: 'A version of a template; without a label the stable one',
    query: VersionQuery,
    answer: answers.Template,
  },
  {
    method: 'get',
    path: '/api/v1/templates/:reference/diff',
    summary: 'What a version does differently from another one, and to which connectors that matters',
    query: requests.DiffQuery,
    answer: answers.TemplateDiff,
  },
  {
    method: 'delete',
    path: '/api/v1/templates/:reference',
    summary: 'Delete a version that no connector uses; without a label all versions',
    query: VersionQuery,
    answer: answers.Deleted,
  },
  {
    method: 'post',
    path: '/api/v1/templates/stable',
    summary: 'Say which version is meant where none is named',
    body: requests.StableRequest,
    answer: answers.Stable,
  },
];

const entities: Operation[] = [
  ...collection('connectors', 'connector', [answers.Connectors, answers.Connector]),
  {
    method: 'post',
    path: '/api/v1/connectors/accept',
    summary: 'Go on with the content that the template version of a connector has now',
    body: requests.AcceptRequest,
    answer: answers.Accepted,
  },
  ...collection('secrets', 'secret', [answers.Secrets, answers.Secret]),
  {
    method: 'get',
    path: '/api/v1/secrets/:reference/explain',
    summary: 'How a secret would be fetched now: the plan, its inputs, and each delegate with why not',
    query: ScopeQuery,
    answer: answers.Explanation,
  },
  ...collection('applications', 'application', [answers.Applications, answers.Application]),
];

/** To list, to see one and to delete one that nothing uses. */
function collection(kinds: string, kind: string, [list, one]: readonly [TSchema, TSchema]): Operation[] {
  const article = kind === 'application' ? 'An' : 'A';
  const path = `/api/v1/${kinds}/:reference`;
  return [
    {
      method: 'get',
      path: `/api/v1/${kinds}`,
      summary: `The ${kinds} of a scope`,
      query: ScopeQuery,
      answer: list,
    },
    {
      method: 'get',
      path,
      summary: `${article} ${kind}: what is known of it, never a value`,
      query: ScopeQuery,
      answer: one,
    },
    {
      method: 'delete',
      path,
      summary: `Delete ${article.toLowerCase()} ${kind} that nothing uses`,
      query: ScopeQuery,
      answer: answers.Deleted,
    },
  ];
}

const administration: Operation[] = [
  {
    method: 'get',
    path: '/api/v1/delegates',
    summary: 'Delegates that are connected, or have been',
    answer: answers.Delegates,
  },
  {
    method: 'get',
    path: '/api/v1/delegates/:name',
    summary: 'A delegate: its instances, versions and load, what failed there lately',
    answer: answers.Delegate,
  },
  {
    method: 'post',
    path: '/api/v1/delegates/:name/drain',
    summary: 'Give a delegate no more tasks, whichever instances of it are connected or come',
    answer: answers.Delegate,
  },
  {
    method: 'post',
    path: '/api/v1/delegates/:name/undrain',
    summary: 'Give a delegate tasks again',
    answer: answers.Delegate,
  },
  {
    method: 'post',
    path: '/api/v1/delegate-tokens',
    summary: 'Make a token for delegates of a scope',
    body: requests.TokenRequest,
    answer: answers.Token,
  },
  {
    method: 'get',
    path: '/api/v1/delegate-tokens',
    summary: 'Delegate tokens that one administers',
    answer: answers.Tokens,
  },
  {
    method: 'post',
    path: '/api/v1/delegate-tokens/:name/rotate',
    summary: 'Give a delegate token a new credential, or let its delegates make their own',
    body: requests.TokenRotateRequest,
    answer: answers.TokenRotated,
  },
  {
    method: 'delete',
    path: '/api/v1/delegate-tokens/:name',
    summary: 'Revoke a delegate token for good, and cut off its delegates',
    query: requests.TokenRevokeQuery,
    answer: answers.Revoked,
  },
  {
    method: 'post',
    path: '/api/v1/delegate-issuers',
    summary: 'Trust an issuer: its JWTs let delegates of a scope in',
    body: requests.IssuerRequest,
    answer: answers.Issuer,
  },
  {
    method: 'get',
    path: '/api/v1/delegate-issuers',
    summary: 'Trusted issuers that one administers',
    answer: answers.Issuers,
  },
  {
    method: 'delete',
    path: '/api/v1/delegate-issuers/:name',
    summary: 'Trust an issuer no more, and cut off its delegates',
    answer: answers.IssuerDeleted,
  },
  { method: 'get', path: '/api/v1/keys', summary: 'API keys that one administers', answer: answers.Keys },
  {
    method: 'post',
    path: '/api/v1/keys',
    summary: 'Make an API key',
    body: KeyRequest,
    answer: answers.Key,
  },
  {
    method: 'post',
    path: '/api/v1/keys/:name/rotate',
    summary: 'Give an API key a new credential; the one before counts for a while',
    body: RotateRequest,
    answer: answers.Key,
  },
  {
    method: 'delete',
    path: '/api/v1/keys/:name',
    summary: 'Revoke an API key, at once and for good',
    answer: answers.Revoked,
  },
  {
    method: 'get',
    path: '/api/v1/audit',
    summary: 'Records of scopes that one administers, the newest first',
    query: AuditQuery,
    answer: answers.AuditPage,
  },
  {
    method: 'get',
    path: '/api/v1/audit/verify',
    summary: 'Is every record what was written, and none missing?',
    query: VerifyQuery,
    answer: answers.Verified,
  },
  {
    method: 'post',
    path: '/api/v1/audit/fingerprint',
    summary: 'The fingerprint of a known value, to be compared with those in the trail',
    body: FingerprintRequest,
    answer: answers.Fingerprint,
  },
  {
    method: 'post',
    path: '/api/v1/encryption-keys/rotate',
    summary: 'Bring every value of the built-in secret manager under a new key',
    body: requests.RotateKeyRequest,
    answer: answers.Rotated,
  },
  {
    method: 'get',
    path: '/api/v1/settings',
    summary: 'Settings of the account',
    answer: answers.AccountSettings,
  },
  {
    method: 'post',
    path: '/api/v1/settings/:name',
    summary: 'Switch a setting of the account',
    body: requests.SettingRequest,
    answer: answers.AccountSetting,
  },
];

const aboutTheServer: Operation[] = [
  { method: 'get', path: '/livez', summary: 'It runs', answer: answers.Status, isOpen: true },
  { method: 'get', path: '/readyz', summary: 'It can answer requests', answer: answers.Status, isOpen: true },
  {
    method: 'get',
    path: '/api/v1/openapi.json',
    summary: 'This document',
    answer: Type.Object({ openapi: Type.String() }),
    isOpen: true,
  },
];

export const operations: readonly Operation[] = [
  ...documents,
  ...fetching,
  ...templates,
  ...entities,
  ...administration,
  ...aboutTheServer,
];
