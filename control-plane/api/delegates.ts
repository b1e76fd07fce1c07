/** Delegates over HTTP: who is there, and tokens for new ones. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../protocol/index.ts';
import { authorize, visible } from '../access/authorize.ts';
import { makeDelegateToken } from '../access/delegate-tokens.ts';
import type { Recorder } from '../audit/audit.ts';
import { audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import type { Roster } from '../dispatch/roster.ts';
import { type Scope, scopeOf } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import { callerOf } from './caller.ts';
import { body, TokenRequest } from './requests.ts';

export interface DelegateTools {
  readonly database: Database;
  readonly roster: Roster;
  readonly audit: Recorder;
  readonly clock: Clock;
  readonly now: () => string;
}

export function delegateRoutes(api: FastifyInstance, tools: DelegateTools): void {
  const { roster } = tools;

  api.get('/delegates', request => {
    const caller = callerOf(request);
    const own = ({ scope }: { readonly scope: Scope }) => visible(caller, { scope });
    const connected = roster.links().map(link => ({
      name: link.name,
      instance: link.instance,
      scope: link.scope,
      state: link.draining ? 'draining' : 'connected',
      status: roster.statusOf(link.name),
      since: link.connectedAt,
      tags: link.tags,
      hostName: link.hostName,
      agentVersion: link.agentVersion,
      running: link.running,
      capacity: link.capacity,
    }));
    const absent = roster.absent().map(({ name, scope, hostName, tags, agentVersion, since }) => ({
      name,
      scope,
      state: 'disconnected',
      status: roster.statusOf(name),
      since,
      tags,
      hostName,
      agentVersion,
    }));
    return { items: [...connected.filter(own), ...absent.filter(own)] };
  });

  api.post('/delegate-tokens', async request => {
    const { name, delegateNames = [], ...place } = body(TokenRequest, request.body);
    const caller = callerOf(request);
    const scope = scopeOf(place.orgIdentifier, place.projectIdentifier);
    const about = {
      ...by(caller),
      action: 'delegate-token.create',
      subject: `delegate-token/${name}`,
      scope,
    };
    const token = await audited(tools.audit, tools.clock, about, async () => {
      // A name is taken or not in the whole account: only who administers a part of it may ask.
      authorize(caller, 'administer', { scope });
      return makeDelegateToken(tools.database, { name, delegateNames, scope }, tools.now());
    });
    return { name, token };
  });
}
