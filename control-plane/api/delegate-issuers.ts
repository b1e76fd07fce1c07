/** Trusted issuers over HTTP. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../protocol/index.ts';
import type { DelegateIssuers } from '../access/delegate-issuers.ts';
import type { Recorder } from '../audit/audit.ts';
import { type About, audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import type { Caller } from '../domain/permissions.ts';
import { scopeOf } from '../domain/scope.ts';
import { callerOf } from './caller.ts';
import { body, IssuerRequest } from './requests.ts';

export interface DelegateIssuerTools {
  readonly issuers: DelegateIssuers;
  readonly audit: Recorder;
  readonly clock: Clock;
}

export function delegateIssuerRoutes(
  api: FastifyInstance,
  { issuers, audit, clock }: DelegateIssuerTools,
): void {
  api.get('/delegate-issuers', async request => ({ items: await issuers.list(callerOf(request)) }));

  api.post('/delegate-issuers', async request => {
    const { orgIdentifier, projectIdentifier, ...asked } = body(IssuerRequest, request.body);
    const caller = callerOf(request);
    const scope = scopeOf(orgIdentifier, projectIdentifier);
    const { name, issuer, audience, claims = {}, delegateNames = [], tags = [], networks = [] } = asked;
    // Who may join is what somebody wants to know later; the values of claims are names.
    const bound = Object.entries(claims).map(([claim, values]) => `${claim}=${values.join(',')}`);
    const details = { issuer, audience, claims: bound, delegateNames, tags, networks };
    const about = { ...aboutIssuer(caller, 'create', name), scope, details };
    await audited(audit, clock, about, () => issuers.make(caller, { ...asked, scope }));
    return { name };
  });

  api.delete<{ Params: { name: string } }>('/delegate-issuers/:name', async request => {
    const caller = callerOf(request);
    const { name } = request.params;
    return audited(audit, clock, aboutIssuer(caller, 'delete', name), async ({ note }) => {
      note({ scope: await issuers.delete(caller, name) });
      return { name, state: 'deleted' };
    });
  });
}

const aboutIssuer = (caller: Caller, verb: string, name: string): About => ({
  ...by(caller),
  action: `delegate-issuer.${verb}`,
  subject: `delegate-issuer/${name}`,
});
