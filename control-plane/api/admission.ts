/** Lets a request in, and tells its caller how many more there may be. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticate, RateLimits } from '../access/rate-limits.ts';
import type { Caller } from '../domain/permissions.ts';

/** Throws what `RateLimits.admit` throws. The headers count for that answer, too. */
export function admit(
  limits: RateLimits,
  authenticate: Authenticate,
  key: string | undefined,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<Caller> {
  return limits.admit(authenticate, key, request.ip, ({ allowed, limit, remaining, resetMs, waitMs }) => {
    reply.header('ratelimit-limit', limit);
    reply.header('ratelimit-remaining', remaining);
    reply.header('ratelimit-reset', seconds(resetMs));
    if (!allowed) reply.header('retry-after', Math.max(1, seconds(waitMs)));
  });
}

const seconds = (ms: number) => Math.ceil(ms / 1_000);
