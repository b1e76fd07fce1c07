/** API keys over HTTP. A key is in the answer to the request that makes it, and nowhere else. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../../protocol/index.ts';
import type { ApiKeys } from '../access/api-keys.ts';
import { commonScope, formatGrant } from '../access/grants.ts';
import type { Recorder } from '../audit/audit.ts';
import { type About, audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import type { Caller, Grant } from '../domain/permissions.ts';
import { callerOf } from './caller.ts';
import { body } from './requests.ts';

export interface KeyTools {
  readonly keys: ApiKeys;
  readonly audit: Recorder;
  readonly clock: Clock;
}

const tenYearsMs = 10 * 365 * 86_400_000;
const Lifetime = Type.Optional(Type.Integer({ minimum: 1, maximum: tenYearsMs }));
const Text = Type.String({ maxLength: 600 });

export const KeyRequest = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' }),
    grants: Type.Array(
      Type.Object(
        {
          role: Text,
          scope: Type.Optional(Text),
          connector: Type.Optional(Text),
          secret: Type.Optional(Text),
        },
        { additionalProperties: false },
      ),
      { maxItems: 100 },
    ),
    expiresInMs: Lifetime,
  },
  { additionalProperties: false },
);

export const RotateRequest = Type.Object(
  {
    /** For how long the credential before counts; 0: no more. */
    overlapMs: Type.Integer({ minimum: 0, maximum: tenYearsMs }),
    expiresInMs: Lifetime,
  },
  { additionalProperties: false },
);

export function keyRoutes(api: FastifyInstance, { keys, audit, clock }: KeyTools): void {
  api.get('/keys', async request => ({ items: await keys.list(callerOf(request)) }));

  api.post('/keys', async request => {
    const caller = callerOf(request);
    const asked = body(KeyRequest, request.body);
    return audited(audit, clock, about(caller, 'key.create', asked.name), async ({ note }) => {
      const { key, grants } = await keys.make(caller, asked);
      note(facts(grants, { expiresInMs: asked.expiresInMs }));
      return { name: asked.name, key };
    });
  });

  api.post<{ Params: { name: string } }>('/keys/:name/rotate', async request => {
    const caller = callerOf(request);
    const { name } = request.params;
    const { overlapMs, expiresInMs } = body(RotateRequest, request.body);
    return audited(audit, clock, about(caller, 'key.rotate', name), async ({ note }) => {
      const { key, grants } = await keys.rotate(caller, name, { overlapMs, expiresInMs });
      note(facts(grants, { overlapMs, expiresInMs }));
      return { name, key };
    });
  });

  api.delete<{ Params: { name: string } }>('/keys/:name', async request => {
    const caller = callerOf(request);
    const { name } = request.params;
    return audited(audit, clock, about(caller, 'key.revoke', name), async ({ note }) => {
      note(facts(await keys.revoke(caller, name), {}));
      return { name, state: 'revoked' };
    });
  });
}

const about = (caller: Caller, action: string, name: string): About => ({
  ...by(caller),
  action,
  subject: `key/${name}`,
});

function facts(grants: readonly Grant[], numbers: Readonly<Record<string, number | undefined>>) {
  const details: Record<string, number | readonly string[]> = { grants: grants.map(formatGrant) };
  for (const [name, value] of Object.entries(numbers)) if (value !== undefined) details[name] = value;
  return { scope: commonScope(grants), details };
}
