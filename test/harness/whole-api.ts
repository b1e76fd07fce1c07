/** Everything that the control plane serves over HTTP, as its main program puts it together, over a real store. */
import { Writable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { ApiKeys } from '../../control-plane/access/api-keys.ts';
import { hashOf, newApiKey } from '../../control-plane/access/credentials.ts';
import { nativeOperations } from '../../control-plane/api/graphql/native-operations.ts';
import { graphqlRoutes } from '../../control-plane/api/graphql/routes.ts';
import { createApi } from '../../control-plane/api/http.ts';
import { Roster } from '../../control-plane/dispatch/roster.ts';
import type { Grant } from '../../control-plane/domain/permissions.ts';
import { firstGenOperations } from '../../control-plane/first-gen/operations.ts';
import { saveApiKey } from '../../control-plane/store/api-keys.ts';
import { accountId } from '../../control-plane/store/settings.ts';
import { someTime, type TestDatabase, testDatabase } from './database.ts';
import { type Tools, toolsFor } from './tools.ts';

/** Either a request to the native API, or one to GraphQL. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly body?: object | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

export interface WholeApi extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly store: TestDatabase;
  /** Its `play` is what every script does. */
  readonly tools: Tools;
  readonly roster: Roster;
  readonly accountId: string;
  /** `GET /api/v1/templates` and so on, from the router itself. */
  readonly routes: readonly string[];
  /** Ids for what FirstGen's operations make next; after them come made-up ones. */
  readonly ids: string[];
  /** The time on the clock that keys are checked by. */
  time: string;
  log(): string;
  /** A key with these grants, also with none. */
  key(name: string, grants: readonly Grant[]): Promise<string>;
  ask(key: string | undefined, request: ApiRequest): Promise<ApiAnswer>;
}

export async function wholeApi(): Promise<WholeApi> {
  const store = await testDatabase();
  const { database } = store;
  const tools = await toolsFor(database);
  const roster = new Roster();
  const now = () => self.time;
  const keys = new ApiKeys({
    database,
    now,
    failed: error => {
      throw error;
    },
  });
  const account = await accountId(database);
  const ids: string[] = [];
  let made = 0;
  const operationTools = {
    ...tools,
    roster,
    now,
    dispatch: tools.dispatch,
    newUuid: () => {
      made += 1;
      return ids.shift() ?? `made-${made}`;
    },
  };
  let log = '';
  const sink = new Writable({
    write(chunk, _, done) {
      log += String(chunk);
      done();
    },
  });
  const app = createApi({
    ...operationTools,
    keys,
    logger: pino({ level: 'warn' }, sink),
    ready: async () => true,
    more(api) {
      graphqlRoutes(api, {
        ...firstGenOperations(operationTools),
        ...nativeOperations(operationTools),
        accountId: account,
        graphqlExplorer: true,
        limits: tools.limits,
        authenticate: (key, source) => keys.authenticate(key, source),
        whenEnded: (caller, then) => keys.whenEnded(caller, then),
      });
    },
  });
  await app.ready();
  const self: WholeApi = {
    app,
    store,
    tools,
    roster,
    accountId: account,
    routes: routesOf(app),
    ids,
    time: someTime,
    log: () => log,
    async key(name, grants) {
      const key = newApiKey();
      const row = { id: `id-of-${name}`, name, grants, createdBy: 'test', createdAt: someTime };
      await database
        .transaction()
        .execute(transaction => saveApiKey(transaction, { ...row, hash: hashOf(key), expiresAt: undefined }));
      return key;
    },
    async ask(key, { method, url, body }) {
      const response = await app.inject({
        method,
        url,
        headers: {
          ...(key === undefined ? {} : { 'x-api-key': key }),
          // A subscription is answered as a stream of events, everything else as JSON.
          accept: JSON.stringify(body ?? '').includes('"subscription') ? 'text/event-stream' : '*/*',
        },
        ...(body ? { payload: body } : {}),
      });
      return { status: response.statusCode, text: response.body };
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await keys.settled();
      await store[Symbol.asyncDispose]();
    },
  };
  return self;
}

/** The routes as the router prints them: a tree, each line with what its path has more than the one above. */
function routesOf(app: FastifyInstance): string[] {
  const parts: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap(line => {
      const [, indent = '', part = '', methods = ''] =
        /^((?:│ {3}| {4})*)[├└]── (\S*)(?: \((.*)\))?$/.exec(line) ?? [];
      parts.splice(indent.length / 4, Infinity, part);
      const named = methods.split(', ').filter(method => method !== '' && method !== 'HEAD');
      return named.map(method => `${method} ${parts.join('')}`);
    });
}
