/** `/api/graphql` and `/graphql`: who may come in, the bodies, and the answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticate, RateLimits } from '../../access/rate-limits.ts';
import { RequestError } from '../../domain/errors.ts';
import type { Caller } from '../../domain/permissions.ts';
import { admit } from '../admission.ts';
import { type LogFault, presentError } from './errors.ts';
import { explorerPage } from './explorer.ts';
import { BodyError, readRequest } from './request.ts';
import { createGraphqlServer } from './server.ts';
import type { GraphqlTools } from './tools.ts';

export type GraphqlOptions = GraphqlTools & {
  readonly accountId: string;
  /** Serve introspection, and a page to try queries with. */
  readonly graphqlExplorer: boolean;
  /** Throws a `RequestError` where nobody holds the key. `source`: the caller's address. */
  readonly authenticate: Authenticate;
  readonly limits: RateLimits;
  /** Calls `then` when the caller's key ends while a request runs. Gives a function that ends the watch. */
  whenEnded(caller: Caller, then: () => void): () => void;
};

const paths = ['/api/graphql', '/graphql'];
const contentTypes = ['application/json', 'text/plain', 'multipart/form-data'];
/** A value of 1 MiB, escaped, and what is around it. */
const bodyLimit = 8 * 1_048_576;

export function graphqlRoutes(app: FastifyInstance, options: GraphqlOptions): void {
  const log: LogFault = (error, correlationId) =>
    app.log.error({ err: error, correlationId }, 'a GraphQL request failed');
  const answer = createGraphqlServer(options.graphqlExplorer, log);

  void app.register(async api => {
    api.removeAllContentTypeParsers();
    api.addContentTypeParser(contentTypes, { parseAs: 'buffer', bodyLimit }, (_, body, done) =>
      done(null, body),
    );
    api.decorateRequest('graphqlCaller');
    api.setErrorHandler((error, _, reply) => refuse(reply, error, log));
    api.addHook('onRequest', async (request, reply) => {
      if (options.graphqlExplorer && asksForPage(request))
        return reply.headers(explorerPage.headers).send(explorerPage.html);
      const { limits, authenticate } = options;
      request.graphqlCaller = await admit(limits, authenticate, keyOf(request), { request, reply });
      // The key decides; an account that is named besides has to be the same.
      const named = new URL(request.url, 'http://control-plane.invalid').searchParams.getAll('accountId');
      if (named.some(id => id !== options.accountId)) throw new RequestError('USER_NOT_AUTHORIZED', '');
    });
    for (const url of paths) {
      api.route({
        method: ['GET', 'POST'],
        url,
        exposeHeadRoute: false,
        async handler(request, reply) {
          const caller = request.graphqlCaller;
          if (!caller) throw new Error('a request came past its authentication');
          const signal = endSignal(reply, end => options.whenEnded(caller, end));
          const read = await readRequest(request, signal);
          const { accountId } = options;
          const response = await answer(read.request, {
            caller,
            tools: options,
            accountId,
            file: read.file,
            signal,
          });
          // The second is for proxies that would keep events back.
          return reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(response);
        },
      });
    }
  });
}

/** The original's words: clients may wait for them. */
const tooMany = "You've reached your account's rate limit for data queries. Please try again later.";

/** An answer to what never came to be executed. */
function refuse(reply: FastifyReply, error: unknown, log: LogFault): FastifyReply {
  const send = (status: number, message: string, code: string) =>
    reply.status(status).send({ errors: [{ message, extensions: { code } }] });
  if (error instanceof RequestError && error.code === 'USER_NOT_AUTHORIZED')
    return send(401, 'Invalid Api Key', error.code);
  if (error instanceof RequestError && error.code === 'TOO_MANY_REQUESTS')
    return send(429, tooMany, error.code);
  if (error instanceof BodyError) return send(400, error.message, 'BAD_REQUEST');
  // The framework's own refusals (too large, another content type) say nothing of what was sent.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500 && error instanceof Error)
    return send(status, error.message, 'BAD_REQUEST');
  return reply.status(500).send({ errors: [presentError(error, log)] });
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const header = headers['x-api-key'];
  if (typeof header === 'string') return header;
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

function asksForPage({ method, url, headers }: FastifyRequest): boolean {
  return method === 'GET' && !url.includes('?') && (headers.accept ?? '').includes('text/html');
}

/** Aborts when the caller goes away before the answer is complete, or when its key ends. */
function endSignal(reply: FastifyReply, whenKeyEnds: (end: () => void) => () => void): AbortSignal {
  const ended = new AbortController();
  const unwatch = whenKeyEnds(() => ended.abort());
  const closed = () => {
    unwatch();
    if (!reply.raw.writableFinished) ended.abort();
  };
  // It may be gone already: who it is had to be looked up.
  if (reply.raw.closed) closed();
  else reply.raw.once('close', closed);
  return ended.signal;
}

declare module 'fastify' {
  interface FastifyRequest {
    graphqlCaller?: Caller;
  }
}
