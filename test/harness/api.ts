import { Writable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { makeFirstApiKey } from '../../control-plane/access/first-api-key.ts';
import { type ApiTools, createApi } from '../../control-plane/api/http.ts';
import { Roster } from '../../control-plane/dispatch/roster.ts';
import type { Grant } from '../../control-plane/domain/permissions.ts';
import { assertDescribed } from './api-answers.ts';
import { someTime, type TestDatabase, testDatabase } from './database.ts';
import { connectorYaml, secretYaml, templateYaml } from './documents.ts';
import type { FakeClock } from './fake-clock.ts';
import { type Play, someCaller, type Tools, toolsFor } from './tools.ts';

export interface TestApi extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly store: TestDatabase;
  readonly roster: Roster;
  readonly clock: FakeClock;
  readonly tools: Tools;
  readonly key: string;
  /** What a fetch is answered with. */
  play: Play;
  /** Does the store answer? */
  ready: boolean;
  /** What the fetches were noted as. */
  readonly notes: Readonly<Record<string, unknown>>[];
  /** What was logged of failures. */
  log(): string;
  /** A request with the administrator's key, or another one, its body as JSON. The answer is as it is described. */
  ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    key?: string,
  ): Promise<{ status: number; body: string }>;
  /** A new key with these grants. */
  keyFor(...grants: Grant[]): Promise<string>;
  /** The lines of an answer that is a stream of events. */
  events(path: string, body: object): Promise<Record<string, unknown>[]>;
}

/** The API over a real store with one template, connector and secret in it, and nothing else that is real. */
export async function testApi(changed: Partial<Pick<ApiTools, 'limits'>> = {}): Promise<TestApi> {
  const store = await testDatabase();
  const tools = await toolsFor(store.database);
  const roster = new Roster([], { clock: tools.clock });
  let log = '';
  const sink = new Writable({
    write(chunk, _, done) {
      log += String(chunk);
      done();
    },
  });
  let keys = 0;
  let key = '';
  await makeFirstApiKey(store.database, someTime, made => {
    key = made;
  });
  const app = createApi({
    ...tools,
    roster,
    ...changed,
    logger: pino({ level: 'warn' }, sink),
    dispatch: request => self.play(request),
    ready: async () => self.ready,
  });
  await tools.apply([templateYaml, connectorYaml, secretYaml].join('---\n'));
  const self: TestApi = {
    app,
    store,
    roster,
    clock: tools.clock,
    tools,
    key,
    notes: tools.notes,
    ready: true,
    play: async function* () {},
    log: () => log,
    async ask(method, path, body, other = key) {
      const headers = { 'x-api-key': other };
      const response = await app.inject({ method, url: path, headers, ...(body ? { payload: body } : {}) });
      const answer = { status: response.statusCode, body: response.body };
      assertDescribed({ method, url: path, ...answer });
      return answer;
    },
    async keyFor(...grants) {
      keys += 1;
      return (await tools.keys.make(someCaller(), { name: `key-${keys}`, grants })).key;
    },
    async events(path, body) {
      const answer = await self.ask('POST', path, body);
      if (answer.status !== 200) throw new Error(answer.body);
      return answer.body
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line));
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await store[Symbol.asyncDispose]();
    },
  };
  return self;
}
