/** Delegates over HTTP: who is there. */
import type { FastifyInstance } from 'fastify';
import { visible } from '../access/authorize.ts';
import type { Roster } from '../dispatch/roster.ts';
import type { Scope } from '../domain/scope.ts';
import { callerOf } from './caller.ts';

export interface DelegateTools {
  readonly roster: Roster;
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
}
