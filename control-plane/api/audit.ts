/** The audit trail over HTTP: to read it, to verify it, and to test whether a known value is the one that was used. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../../protocol/index.ts';
import { authorize } from '../access/authorize.ts';
import type { Audit } from '../audit/audit.ts';
import { audited } from '../audit/audited.ts';
import type { Head } from '../audit/chain.ts';
import { listRecords } from '../audit/list-records.ts';
import { by } from '../audit/record.ts';
import { accessDenied, RequestError } from '../domain/errors.ts';
import { allowedActions } from '../domain/permissions.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import { callerOf } from './caller.ts';
import { body, query } from './requests.ts';

export interface AuditRouteTools {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
}

export const FingerprintRequest = Type.Object({ value: Type.String() }, { additionalProperties: false });

const given = Type.Optional(Type.String({ maxLength: 600 }));

export const AuditQuery = Type.Object(
  {
    /** Whole numbers from 1 on. */
    before: given,
    limit: given,
    actor: given,
    subject: given,
    action: given,
  },
  { additionalProperties: false },
);

export const VerifyQuery = Type.Object(
  {
    /** `true`: the file too. */
    file: given,
    /** NUMBER:HASH, as often as wanted. */
    head: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  },
  { additionalProperties: false },
);

type Query = Readonly<Record<string, string | string[] | undefined>>;

export function auditRoutes(api: FastifyInstance, { database, audit, clock }: AuditRouteTools): void {
  api.get('/audit', async request => {
    const caller = callerOf(request);
    // Others would always get an empty list; that they may not read it is more useful to know.
    if (!caller.grants.some(({ role }) => allowedActions[role].includes('administer'))) throw accessDenied();
    const asked = query(AuditQuery, request.query);
    const { before, limit = 50 } = { before: numberOf(asked, 'before'), limit: numberOf(asked, 'limit') };
    if (limit < 1 || limit > 500)
      throw new RequestError('INVALID_REQUEST', 'limit must be a number from 1 to 500');
    const [actor, subject, action] = ['actor', 'subject', 'action'].map(name => textOf(asked, name));
    return listRecords(database, caller, { before, limit, actor, subject, action });
  });

  api.get('/audit/verify', async request => {
    authorize(callerOf(request), 'administer', { scope: account });
    const asked = query(VerifyQuery, request.query);
    const anchors = headsOf(asked);
    const withFile = textOf(asked, 'file') === 'true';
    const file = withFile ? await audit.verifyFile() : undefined;
    if (withFile && !file) {
      throw new RequestError(
        'INVALID_REQUEST',
        'file: this server writes no audit file; LEGATE_AUDIT_FILE would name one',
      );
    }
    // The file's last record was in the store once.
    const store = await audit.verify(file ? [...anchors, file.head] : anchors);
    return { store, ...(file ? { file } : {}) };
  });

  api.post('/audit/fingerprint', async request => {
    const caller = callerOf(request);
    const { value } = body(FingerprintRequest, request.body);
    return audited(audit, clock, { ...by(caller), action: 'audit.fingerprint' }, async () => {
      authorize(caller, 'administer', { scope: account });
      return { fingerprint: audit.fingerprint(value) };
    });
  });
}

function textOf(query: Query, name: string): string | undefined {
  const text = query[name];
  if (Array.isArray(text)) throw new RequestError('INVALID_REQUEST', `${name} can be given once only`);
  return text;
}

function numberOf(query: Query, name: string): number | undefined {
  const text = textOf(query, name);
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new RequestError('INVALID_REQUEST', `${name} must be a whole number from 1 on`);
}

/** Heads that somebody noted before: `SEQ:HASH`, as often as wanted. */
function headsOf({ head = [] }: Query): Head[] {
  return [head].flat().map(text => {
    const match = /^([1-9][0-9]{0,8}):([0-9a-f]{64})$/.exec(text);
    if (!match) throw new RequestError('INVALID_REQUEST', 'head must be NUMBER:HASH, as verify prints it');
    return { seq: Number(match[1]), hash: match[2] ?? '' };
  });
}
