/** The HTTP face: who may come in, how errors look, and the routes. */
import type { ServerOptions } from 'node:https';
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify';
import type { ApiKeys } from '../access/api-keys.ts';
import type { DelegateIssuers } from '../access/delegate-issuers.ts';
import type { DelegateTokens } from '../access/delegate-tokens.ts';
import type { Authenticate, RateLimits } from '../access/rate-limits.ts';
import type { ApplyTools } from '../apply.ts';
import type { Roster } from '../dispatch/roster.ts';
import type { FetchTools } from '../fetch-secret.ts';
import { admit } from './admission.ts';
import { applicationRoutes } from './applications.ts';
import { auditRoutes } from './audit.ts';
import { keyOf } from './caller.ts';
import { connectorRoutes } from './connectors.ts';
import { delegateIssuerRoutes } from './delegate-issuers.ts';
import { delegateTokenRoutes } from './delegate-tokens.ts';
import { delegateRoutes } from './delegates.ts';
import { documentRoutes } from './documents.ts';
import { encryptionKeyRoutes } from './encryption-keys.ts';
import { describeError, errorBody } from './errors.ts';
import { fetchRoutes } from './fetch.ts';
import { keyRoutes } from './keys.ts';
import { openApiDocument } from './openapi.ts';
import { secretRoutes } from './secrets.ts';
import { settingRoutes } from './settings.ts';
import { templateRoutes } from './templates.ts';

export interface ApiTools extends ApplyTools, Omit<FetchTools, 'audit'> {
  readonly keys: ApiKeys;
  readonly limits: RateLimits;
  readonly tokens: DelegateTokens;
  readonly issuers: DelegateIssuers;
  readonly roster: Roster;
  readonly logger: FastifyBaseLogger;
  /** Does the store answer? */
  readonly ready: () => Promise<boolean>;
  /** Undefined: it listens without TLS. */
  readonly tls?: ServerOptions | undefined;
  /** Routes outside the native API. */
  readonly more?: (app: FastifyInstance) => void;
}

/** Everything that `apply` takes at once. */
const bodyLimit = 8 * 1_048_576;

export function createApi(tools: ApiTools): FastifyInstance {
  // Not told to the type, which would make every route one of another kind of server.
  const secure: object = tools.tls ? { https: tools.tls } : {};
  const app = fastify({
    ...secure,
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
    // A refusal may have a fault of ours behind it.
    const isFault = status >= 500 || (error instanceof Error && error.cause !== undefined);
    if (isFault) request.log.error({ err: error, correlationId: body.correlationId }, 'request failed');
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
  const description = openApiDocument();
  // Without a key: it says nothing of what is here.
  app.get('/api/v1/openapi.json', () => description);
  tools.more?.(app);

  void app.register(
    async api => {
      api.decorateRequest('legateCaller', undefined);
      const authenticate: Authenticate = (key, source) => tools.keys.authenticate(key, source);
      api.addHook('onRequest', async (request, reply) => {
        request.legateCaller = await admit(tools.limits, authenticate, keyOf(request), { request, reply });
      });
      documentRoutes(api, tools);
      fetchRoutes(api, tools);
      templateRoutes(api, tools);
      connectorRoutes(api, tools);
      secretRoutes(api, tools);
      applicationRoutes(api, tools);
      delegateRoutes(api, tools);
      delegateTokenRoutes(api, tools);
      delegateIssuerRoutes(api, tools);
      keyRoutes(api, tools);
      auditRoutes(api, tools);
      encryptionKeyRoutes(api, tools);
      settingRoutes(api, tools);
    },
    { prefix: '/api/v1' },
  );
  return app;
}
