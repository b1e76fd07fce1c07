/** Who makes a request: put there once, before any route sees it. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../domain/permissions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined only outside the routes that need a key. */
    legateCaller: Caller | undefined;
  }
}

/** The caller of a request that came past its authentication. */
export function callerOf({ legateCaller }: FastifyRequest): Caller {
  if (!legateCaller) throw new Error('a request came past its authentication');
  return legateCaller;
}

/** The key of a request, from either header. */
export function keyOf({ headers }: FastifyRequest): string | undefined {
  const header = headers['x-api-key'];
  if (typeof header === 'string') return header;
  return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
}
