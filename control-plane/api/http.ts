/** The HTTP face: who may come in, how errors look, and the routes. */
import { randomUUID } from 'node:crypto';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { type ApplyTools, applyDocuments } from '../apply.ts';
import { authenticateCaller, makeDelegateToken } from '../auth.ts';
import type { Roster } from '../dispatch/roster.ts';
import { type ErrorCode, RequestError } from '../domain/errors.ts';
import type { FetchTools } from '../fetch-secret.ts';
import { fetchRoutes } from './fetch.ts';
import { listRoutes } from './lists.ts';
import { ApplyRequest, body, TokenRequest } from './requests.ts';

export interface ApiTools extends ApplyTools, FetchTools {
  readonly roster: Roster;
  readonly logger: FastifyBaseLogger;
  /** Does the store answer? */
  readonly ready: () => Promise<boolean>;
}

const statuses: Record<ErrorCode, number> = {
  INVALID_REQUEST: 400,
  INVALID_ARGUMENT: 400,
  INVALID_IDENTIFIER_REF: 400,
  SECRET_MANAGEMENT_ERROR: 400,
  USER_NOT_AUTHORIZED: 401,
  RESOURCE_NOT_FOUND: 404,
};

/** Everything that `apply` takes at once. */
const bodyLimit = 8 * 1_048_576;

export function createApi(tools: ApiTools): FastifyInstance {
  const app = fastify({
    loggerInstance: tools.logger,
    bodyLimit,
    // A reference is longer than the 100 characters at which the router stops by itself.
    routerOptions: { maxParamLength: 300 },
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

  void app.register(
    async api => {
      api.decorateRequest('caller', '');
      api.addHook('onRequest', async request => {
        const { name } = await authenticateCaller(tools.database, keyOf(request));
        request.caller = name;
      });
      api.post('/apply', async request => {
        const { sources, dryRun } = body(ApplyRequest, request.body);
        return { applied: await applyDocuments(tools, sources, dryRun === true) };
      });
      api.post('/delegate-tokens', async request => {
        const { name, delegateNames } = body(TokenRequest, request.body);
        const token = await makeDelegateToken(
          tools.database,
          { name, delegateNames: delegateNames ?? [] },
          tools.now(),
        );
        return { name, token };
      });
      fetchRoutes(api, tools);
      listRoutes(api, tools);
    },
    { prefix: '/api/v1' },
  );
  return app;
}

function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['x-api-key'];
  if (typeof header === 'string') return header;
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
}

function describeError(error: unknown): { status: number; body: ReturnType<typeof errorBody> } {
  if (error instanceof RequestError) {
    const { code, message, problems } = error;
    return { status: statuses[code], body: { ...errorBody(code, problems), message } };
  }
  // The framework's own refusals (not JSON, too large) say nothing of what was sent.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500 && error instanceof Error) {
    return { status, body: errorBody('INVALID_REQUEST', [error.message]) };
  }
  return {
    status: 500,
    body: errorBody('INTERNAL', ['Legate itself failed; its log says more under this correlationId']),
  };
}

function errorBody(code: string, problems: readonly string[]) {
  const correlationId = randomUUID();
  return { status: 'ERROR', code, message: problems.join('\n'), problems, correlationId };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the API key. */
    caller: string;
  }
}
