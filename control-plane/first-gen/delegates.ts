/** FirstGen's operations on delegates and their scopes. The scopes are kept and given back; they do not route. */
import { authorize, visible } from '../access/authorize.ts';
import type { Link } from '../dispatch/link.ts';
import type { Roster } from '../dispatch/roster.ts';
import type { Caller } from '../domain/permissions.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import {
  type DelegateRow,
  listDelegateRows,
  listDelegateScopeRows,
  saveDelegateScope,
  setDelegateScopes,
  setDelegateStatus,
} from '../store/delegates.ts';
import { changing } from './changes.ts';
import type { DelegateScope, DelegateView, Listing, Page } from './model.ts';
import { invalidRequest } from './refusals.ts';
import type { FirstGenTools } from './tools.ts';

/** Every delegate that has ever connected, with what is connected of it now. The newest first. */
export async function delegateViews(database: Database, roster: Roster): Promise<DelegateView[]> {
  const scopes = await listDelegateScopes(database);
  const named = (names: readonly string[]) => scopes.filter(({ name }) => names.includes(name));
  const linksOf = Map.groupBy(roster.links(), ({ name }) => name);
  return (await listDelegateRows(database)).map(row => ({
    uuid: row.uuid,
    name: row.name,
    scope: row.scope,
    status: row.status,
    hostName: row.hostName,
    tags: row.tags,
    version: row.agentVersion,
    lastHeartbeat: lastSeen(row, linksOf.get(row.name) ?? []),
    drainedAt: row.drainedAt,
    instances: (linksOf.get(row.name) ?? []).map(link => ({
      instance: link.instance,
      state: link.draining || row.drainedAt !== undefined ? 'draining' : 'connected',
      version: link.agentVersion,
      polls: link.transport === 'polling',
      since: link.connectedAt,
      hostName: link.hostName,
      lastHeartbeat: link.lastHeartbeatAt,
      running: link.running,
      capacity: link.capacity,
    })),
    includeScopes: named(row.includeScopes),
    excludeScopes: named(row.excludeScopes),
  }));
}

const lastSeen = ({ lastConnectedAt, lastDisconnectedAt }: DelegateRow, links: readonly Link[]) =>
  links
    .map(({ lastHeartbeatAt }) => lastHeartbeatAt)
    .toSorted()
    .at(-1) ??
  lastDisconnectedAt ??
  lastConnectedAt;

async function listDelegateScopes(database: Database): Promise<DelegateScope[]> {
  return (await listDelegateScopeRows(database)).map(({ uuid, name, document }) => ({
    uuid,
    name,
    ...listsOf(document),
  }));
}

const lists = ['taskTypes', 'applications', 'environments', 'services', 'infrastructureDefinitions'] as const;

/** The lists of a scope as they were saved; what is not a list of texts is none. */
function listsOf(document: unknown): Omit<DelegateScope, 'uuid' | 'name'> {
  const fields = new Map(typeof document === 'object' && document ? Object.entries(document) : []);
  const texts = (name: string): string[] => {
    const value: unknown = fields.get(name);
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
  };
  const [taskTypes, applications, environments, services, infrastructureDefinitions] = lists.map(texts);
  return {
    taskTypes: taskTypes ?? [],
    environmentTypes: texts('environmentTypes').flatMap(type =>
      type === 'PROD' || type === 'NON_PROD' ? [type] : [],
    ),
    applications: applications ?? [],
    environments: environments ?? [],
    services: services ?? [],
    infrastructureDefinitions: infrastructureDefinitions ?? [],
  };
}

const unknownDelegate = (id: string) => invalidRequest(`No delegate exists with the id ${id}`);

export function delegateOperations(tools: FirstGenTools) {
  const { database, roster, newUuid } = tools;

  async function find(caller: Caller, id: string): Promise<DelegateView> {
    const found = (await delegateViews(database, roster)).find(({ uuid }) => uuid === id);
    if (!found || !visible(caller, { scope: found.scope })) throw unknownDelegate(id);
    authorize(caller, 'administer', { scope: found.scope });
    return found;
  }

  async function setStatus(caller: Caller, id: string, status: DelegateView['status'], action: string) {
    await changing(tools, caller, action, async ({ save }) => {
      const { name, status: before } = await find(caller, id);
      await save({}, async transaction => {
        await setDelegateStatus(transaction, id, status);
        return {
          subject: `delegate/${name}`,
          before: { shown: { status: before } },
          after: { shown: { status } },
        };
      });
      roster.setStatus(name, status);
    });
  }

  return {
    async listDelegateScopes(
      caller: Caller,
      accepts: (scope: { readonly name: string }) => boolean,
      { limit, offset }: Page,
    ): Promise<Listing<DelegateScope>> {
      const found = visible(caller, { scope: account })
        ? (await listDelegateScopes(database)).filter(accepts)
        : [];
      return { nodes: found.slice(offset, offset + limit), total: found.length };
    },

    async addDelegateScope(caller: Caller, scope: Omit<DelegateScope, 'uuid'>): Promise<DelegateScope> {
      const { name, ...document } = scope;
      const uuid = newUuid();
      await changing(tools, caller, 'delegate-scope.create', async ({ save }) => {
        authorize(caller, 'administer', { scope: account });
        if (name.trim() === '') throw invalidRequest('The name of the delegate scope cannot be empty');
        await save({}, async (transaction, now) => {
          if (!(await saveDelegateScope(transaction, { uuid, name, document }, now)))
            throw invalidRequest(`A delegate scope with the name ${name} exists already`);
          return { subject: `delegate-scope/${name}`, after: { shown: { uuid } } };
        });
      });
      return { uuid, ...scope };
    },

    async attachDelegateScopes(
      caller: Caller,
      id: string,
      include: readonly string[] | undefined,
      exclude: readonly string[] | undefined,
    ): Promise<void> {
      await changing(tools, caller, 'delegate.scopes', async ({ save }) => {
        const delegate = await find(caller, id);
        // They belong to the account: who may not view it knows of none.
        const scopes = visible(caller, { scope: account }) ? await listDelegateScopes(database) : [];
        // A scope may be named by its name or its id.
        const nameOf = (text: string) => {
          const scope = scopes.find(({ name, uuid }) => name === text || uuid === text);
          if (!scope) throw invalidRequest(`No delegate scope exists with the id or name ${text}`);
          return scope.name;
        };
        const before = {
          include: delegate.includeScopes.map(({ name }) => name),
          exclude: delegate.excludeScopes.map(({ name }) => name),
        };
        const after = {
          include: include?.map(nameOf) ?? before.include,
          exclude: exclude?.map(nameOf) ?? before.exclude,
        };
        await save({}, async transaction => {
          await setDelegateScopes(transaction, id, after.include, after.exclude);
          return {
            subject: `delegate/${delegate.name}`,
            before: { shown: before },
            after: { shown: after },
          };
        });
      });
    },

    /** Every scope: as the original has it, a delegate without included scopes serves all of them. */
    async attachAllDelegateScopes(caller: Caller, id: string): Promise<void> {
      await changing(tools, caller, 'delegate.scopes', async ({ save }) => {
        const delegate = await find(caller, id);
        await save({}, async transaction => {
          const exclude = delegate.excludeScopes.map(({ name }) => name);
          await setDelegateScopes(transaction, id, [], exclude);
          return { subject: `delegate/${delegate.name}`, after: { shown: { include: [] } } };
        });
      });
    },

    async approveDelegate(
      caller: Caller,
      id: string,
      approval: 'ACTIVATE' | 'REJECT',
    ): Promise<DelegateView> {
      const status = approval === 'ACTIVATE' ? 'ENABLED' : 'DELETED';
      await setStatus(caller, id, status, `delegate.${approval.toLowerCase()}`);
      return find(caller, id);
    },

    deleteDelegate: (caller: Caller, id: string) => setStatus(caller, id, 'DELETED', 'delegate.delete'),
  };
}
