/** Delegates over HTTP: who is there, in which state, and whether they get tasks. */
import type { FastifyInstance } from 'fastify';
import { visible } from '../access/authorize.ts';
import { connectorOfRoute } from '../dispatch/demand.ts';
import type { Link } from '../dispatch/link.ts';
import type { Absent, Roster } from '../dispatch/roster.ts';
import type { Caller } from '../domain/permissions.ts';
import type { Scope } from '../domain/scope.ts';
import { versionNote } from '../domain/versions.ts';
import { type DrainTools, findDelegate, setDrained } from '../drain-delegate.ts';
import type { DelegateRow } from '../store/delegates.ts';
import { serverVersion } from '../version.ts';
import { callerOf } from './caller.ts';

export type DelegateTools = DrainTools;

interface Named {
  Params: { readonly name: string };
}

export function delegateRoutes(api: FastifyInstance, tools: DelegateTools): void {
  const { roster, database } = tools;

  api.get('/delegates', request => {
    const caller = callerOf(request);
    const own = ({ scope }: { readonly scope: Scope }) => visible(caller, { scope });
    const connected = roster.links().filter(own);
    const absent = roster.absent().filter(own);
    return {
      items: [
        ...connected.map(link => ({ ...listedLink(roster, link), since: link.connectedAt })),
        ...absent.map(delegate => listedAbsent(roster, delegate)),
      ],
    };
  });

  const shown = async (caller: Caller, name: string) =>
    delegateView(roster, await findDelegate(database, caller, name, 'view'));

  api.get<Named>('/delegates/:name', request => shown(callerOf(request), request.params.name));

  for (const [verb, isDrained] of [
    ['drain', true],
    ['undrain', false],
  ] as const)
    api.post<Named>(`/delegates/:name/${verb}`, async request => {
      const caller = callerOf(request);
      await setDrained(tools, caller, request.params.name, isDrained);
      return shown(caller, request.params.name);
    });
}

const noteOf = (version: string) => {
  const note = versionNote(version, serverVersion);
  return note === undefined ? {} : { versionNote: note };
};

const stateOf = (roster: Roster, { name, draining }: Link) =>
  draining || roster.drainedAt(name) !== undefined ? 'draining' : 'connected';

function listedLink(roster: Roster, link: Link) {
  return {
    name: link.name,
    instance: link.instance,
    scope: link.scope,
    state: stateOf(roster, link),
    status: roster.statusOf(link.name),
    tags: link.tags,
    hostName: link.hostName,
    agentVersion: link.agentVersion,
    ...noteOf(link.agentVersion),
    lastHeartbeatAt: link.lastHeartbeatAt,
    running: link.running,
    capacity: link.capacity,
    transport: link.transport,
    clientCertificate: link.clientCertificate,
  };
}

function listedAbsent(roster: Roster, { name, scope, hostName, tags, agentVersion, since }: Absent) {
  const facts = { name, scope, hostName, tags, agentVersion, since };
  return { ...facts, ...noteOf(agentVersion), state: 'disconnected', status: roster.statusOf(name) };
}

/** Everything that is known of the delegates of one name. */
function delegateView(roster: Roster, row: DelegateRow) {
  const links = roster.links().filter(({ name }) => name === row.name);
  const [first] = links;
  const instances = links.map(link => {
    const { instance, hostName, agentVersion, tags, connectedAt, lastHeartbeatAt, running, capacity } = link;
    const { transport, clientCertificate } = link;
    const facts = { instance, hostName, agentVersion, tags, connectedAt, lastHeartbeatAt, running, capacity };
    const way = { transport, clientCertificate };
    return { ...facts, ...way, ...noteOf(agentVersion), state: stateOf(roster, link) };
  });
  const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);
  const states = new Set(instances.map(({ state }) => state));
  return {
    name: row.name,
    uuid: row.uuid,
    scope: first?.scope ?? row.scope,
    state: !first ? 'disconnected' : states.has('connected') ? 'connected' : 'draining',
    status: roster.statusOf(row.name),
    ...(row.drainedAt === undefined ? {} : { drainedAt: row.drainedAt }),
    tags: first?.tags ?? row.tags,
    hostName: first?.hostName ?? row.hostName,
    versions: first ? [...new Set(links.map(({ agentVersion }) => agentVersion))] : [row.agentVersion],
    serverVersion,
    firstConnectedAt: row.firstConnectedAt,
    lastConnectedAt: row.lastConnectedAt,
    ...(row.lastDisconnectedAt === undefined ? {} : { lastDisconnectedAt: row.lastDisconnectedAt }),
    running: sum(links.map(({ running }) => running)),
    capacity: sum(links.map(({ capacity }) => capacity)),
    instances,
    failures: roster.failures.of(row.name),
    passedOver: links.flatMap(link => holdsOf(roster, link)),
  };
}

/** For which connectors an instance is passed over. */
function holdsOf(roster: Roster, link: Link) {
  return roster.record.holdsOf(link).map(({ route, hold: { failures, reason, remainingMs, trying } }) => ({
    instance: link.instance,
    connector: connectorOfRoute(route),
    failures,
    reason,
    remainingMs: Math.ceil(remainingMs),
    trying,
  }));
}
