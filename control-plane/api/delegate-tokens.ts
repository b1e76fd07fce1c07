/** Delegate tokens over HTTP. A token is in the answer to the request that makes it, and nowhere else. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../protocol/index.ts';
import type { DelegateTokens } from '../access/delegate-tokens.ts';
import type { Recorder } from '../audit/audit.ts';
import { type About, audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import type { Caller } from '../domain/permissions.ts';
import { scopeOf } from '../domain/scope.ts';
import { callerOf } from './caller.ts';
import { body, query, TokenRequest, TokenRevokeQuery, TokenRotateRequest } from './requests.ts';

export interface DelegateTokenTools {
  readonly tokens: DelegateTokens;
  readonly audit: Recorder;
  readonly clock: Clock;
}

export function delegateTokenRoutes(
  api: FastifyInstance,
  { tokens, audit, clock }: DelegateTokenTools,
): void {
  api.get('/delegate-tokens', async request => ({ items: await tokens.list(callerOf(request)) }));

  api.post('/delegate-tokens', async request => {
    const { orgIdentifier, projectIdentifier, ...asked } = body(TokenRequest, request.body);
    const caller = callerOf(request);
    const scope = scopeOf(orgIdentifier, projectIdentifier);
    const { name, delegateNames = [], tags = [], networks = [] } = asked;
    const details = { delegateNames, tags, networks, ...numbers({ expiresInMs: asked.expiresInMs }) };
    const about = { ...aboutToken(caller, 'create', name), scope, details };
    const token = await audited(audit, clock, about, () => tokens.make(caller, { ...asked, scope }));
    return { name, token };
  });

  api.post<{ Params: { name: string } }>('/delegate-tokens/:name/rotate', async request => {
    const caller = callerOf(request);
    const { name } = request.params;
    const { overlapMs, inPlace = false } = body(TokenRotateRequest, request.body);
    return audited(audit, clock, aboutToken(caller, 'rotate', name), async ({ note }) => {
      if (inPlace) {
        const { scope, delegates } = await tokens.rotateInPlace(caller, name, overlapMs);
        const replaced = delegates.filter(({ outcome }) => outcome === 'replaced').length;
        note({ scope, details: { overlapMs, inPlace, asked: delegates.length, replaced } });
        return { name, delegates };
      }
      const { scope, token } = await tokens.rotate(caller, name, overlapMs);
      note({ scope, details: { overlapMs, inPlace } });
      return { name, token };
    });
  });

  api.delete<{ Params: { name: string } }>('/delegate-tokens/:name', async request => {
    const caller = callerOf(request);
    const { name } = request.params;
    const { drainMs } = query(TokenRevokeQuery, request.query);
    const drain = drainMs === undefined ? undefined : Number(drainMs);
    return audited(audit, clock, aboutToken(caller, 'revoke', name), async ({ note }) => {
      note({ scope: await tokens.revoke(caller, name, drain), details: numbers({ drainMs: drain }) });
      return { name, state: 'revoked' };
    });
  });
}

const aboutToken = (caller: Caller, verb: string, name: string): About => ({
  ...by(caller),
  action: `delegate-token.${verb}`,
  subject: `delegate-token/${name}`,
});

function numbers(fields: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
