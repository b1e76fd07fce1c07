/** The HTTP face: who may come in, how errors look, and the routes. */
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify';
import type { ApiKeys } from '../access/api-keys.ts';
import { authorize } from '../access/authorize.ts';
import { makeDelegateToken } from '../access/delegate-tokens.ts';
import { type ApplyTools, applyDocuments } from '../apply.ts';
import { audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import type { Roster } from '../dispatch/roster.ts';
import { scopeOf } from '../domain/scope.ts';
import type { FetchTools } from '../fetch-secret.ts';
import { callerOf, keyOf } from './caller.ts';
import { describeError, errorBody } from './errors.ts';
import { fetchRoutes, hangUpSignal } from './fetch.ts';
import { listRoutes } from './lists.ts';
import { ApplyRequest, body, TokenRequest } from './requests.ts';

export interface ApiTools extends ApplyTools, Omit<FetchTools, 'audit'> {
  readonly keys: ApiKeys;
  readonly roster: Roster;
  readonly logger: FastifyBaseLogger;
  /** Does the store answer? */
  readonly ready: () => Promise<boolean>;
  /** Routes outside the native API. */
  readonly more?: (app: FastifyInstance) => void;
}

/** Everything that `apply` takes at once. */
const bodyLimit = 8 * 1_048_576;

export function createApi(tools: ApiTools): FastifyInstance {
  const app = fastify({
    loggerInstance: tools.logger,
    bodyLimit,
    // A reference is longer than the 100 characters at which the router stops by itself.
    routerOptions: { maxParamLength: 500 },
    // Streams of a fetch end by being cancelled when the server stops, not by being waited for.
    forceCloseConnections: true,
    // What is wrong before a route is found, such as a malformed path, looks like every other error.
    frameworkErrors: (error: unknown, _: unknown, reply: FastifyReply) => {
      const { status, body } = describeError(error);
      void reply.status(status).send(body);
    },
  });

  app.setErrorHandler((error, request, reply) => {
    const { status, body } = describeError(error);
    if (status >= 500) request.log.error({ err: error, correlationId: body.correlationId }, 'request failed');
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((request, reply) =>
    reply
      .status(404)
      .send(
        errorBody('RESOURCE_NOT_FOUND', [
          `there is nothing at ${request.method} ${request.url.split('?', 1)[0]}`,
        ]),
      ),
  );

  app.get('/livez', () => ({ status: 'ok' }));
  app.get('/readyz', async (_, reply) =>
    (await tools.ready())
      ? { status: 'ok' }
      : reply.status(503).send({ status: 'not ready', reason: 'the store does not answer' }),
  );
  tools.more?.(app);

  void app.register(
    async api => {
      api.decorateRequest('legateCaller', undefined);
      api.addHook('onRequest', async request => {
        request.legateCaller = await tools.keys.authenticate(keyOf(request), request.ip);
      });
      applyRoutes(api, tools);
      fetchRoutes(api, tools);
      listRoutes(api, tools);
    },
    { prefix: '/api/v1' },
  );
  return app;
}

function applyRoutes(api: FastifyInstance, tools: ApiTools): void {
  api.post('/apply', async (request, reply) => {
    const asked = body(ApplyRequest, request.body);
    const caller = callerOf(request);
    const sources = asked.sources.map(({ name, text, files = {} }) => ({
      name,
      text,
      files: new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data, 'base64')])),
    }));
    const applied = await applyDocuments(tools, {
      sources,
      dryRun: asked.dryRun === true,
      accept: asked.accept === true,
      skipTests: asked.skipTests === true,
      caller,
      signal: hangUpSignal(reply, end => tools.keys.whenEnded(caller, end)),
    });
    return { applied };
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
