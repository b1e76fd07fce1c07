/** The GraphQL routes on a server of their own, over operations that a test plays. */
import { Writable } from 'node:stream';
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { RateLimits } from '../../control-plane/access/rate-limits.ts';
import { graphqlRoutes } from '../../control-plane/api/graphql/routes.ts';
import type { GraphqlTools } from '../../control-plane/api/graphql/tools.ts';
import { RequestError } from '../../control-plane/domain/errors.ts';
import type { Grant } from '../../control-plane/domain/permissions.ts';
import { FakeClock } from './fake-clock.ts';

export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
  readonly data: unknown;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: (string | number)[];
    readonly locations?: object[];
    readonly extensions?: Record<string, unknown>;
  }[];
}

export interface TestGraphql extends AsyncDisposable {
  readonly app: FastifyInstance;
  log(): string;
  /** Ends the key while requests with it run. */
  endKey(): void;
  /** A request with the key, as JSON. */
  ask(query: string, variables?: object | null, headers?: Record<string, string>): Promise<Answer>;
  /** Listens, and returns the address of /graphql. */
  listen(): Promise<string>;
}

export const graphqlKey = 'lgk_test';
export const graphqlAccount = 'the-account';

/** What a test does not play fails: as an error of the test, not as an answer. */
const unplayed = () => Promise.reject(new Error('this operation is no part of the test'));
const nothing: GraphqlTools = {
  findSecretManager: unplayed,
  findSecretManagerByName: unplayed,
  listSecretManagers: unplayed,
  createSecretManager: unplayed,
  updateSecretManager: unplayed,
  deleteSecretManager: unplayed,
  findFirstGenSecret: unplayed,
  findFirstGenSecretByName: unplayed,
  createFirstGenSecret: unplayed,
  updateFirstGenSecret: unplayed,
  deleteFirstGenSecret: unplayed,
  listFirstGenTemplates: unplayed,
  listDelegateScopes: unplayed,
  addDelegateScope: unplayed,
  attachDelegateScopes: unplayed,
  attachAllDelegateScopes: unplayed,
  approveDelegate: unplayed,
  deleteDelegate: unplayed,
  listDelegates: unplayed,
  listTemplates: unplayed,
  findTemplate: unplayed,
  listTemplateVersions: unplayed,
  listConnectors: unplayed,
  findConnector: unplayed,
  listSecrets: unplayed,
  findSecret: unplayed,
  explainSecret: unplayed,
  fetchSecret: unplayed,
  testConnector: unplayed,
};

export interface GraphqlSetting {
  readonly explorer?: boolean;
  /** Of the key; without: an administrator of the account. */
  readonly grants?: readonly Grant[];
  /** Of requests; without: none. */
  readonly limits?: RateLimits;
}

export function testGraphql(
  played: Partial<GraphqlTools> = {},
  {
    explorer = false,
    grants = [{ role: 'admin', scope: 'account' }],
    limits = new RateLimits({ perKey: 0, perAddress: 0, clock: new FakeClock(), note: () => {} }),
  }: GraphqlSetting = {},
): TestGraphql {
  let log = '';
  const sink = new Writable({
    write(chunk, _, done) {
      log += String(chunk);
      done();
    },
  });
  const loggerInstance: FastifyBaseLogger = pino({ level: 'warn' }, sink);
  const app = fastify({ loggerInstance, forceCloseConnections: true });
  const endings = new Set<() => void>();
  graphqlRoutes(app, {
    ...nothing,
    ...played,
    accountId: graphqlAccount,
    graphqlExplorer: explorer,
    limits,
    async authenticate(key, source) {
      if (key !== graphqlKey) throw new RequestError('USER_NOT_AUTHORIZED', '');
      return { keyId: 'k', name: 'tester', grants, source };
    },
    whenEnded(_, then) {
      endings.add(then);
      return () => endings.delete(then);
    },
  });
  return {
    app,
    log: () => log,
    endKey() {
      for (const end of endings) end();
    },
    async ask(query, variables, headers = {}) {
      const response = await app.inject({
        method: 'POST',
        url: '/api/graphql',
        headers: { 'x-api-key': graphqlKey, ...headers },
        payload: { query, ...(variables === undefined ? {} : { variables }) },
      });
      return answerOf(response.statusCode, response.headers['content-type'], response.body);
    },
    async listen() {
      return `${await app.listen({ port: 0, host: '127.0.0.1' })}/graphql`;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
    },
  };
}

/** An answer taken apart. */
export function answerOf(status: number, type: string | undefined, text: string): Answer {
  const { data, errors = [] }: { data?: unknown; errors?: Answer['errors'] } = JSON.parse(text);
  return { status, type, text, data, errors };
}
