/** What every resolver gets: who asks, what came along, and the application. */
import type { GraphQLResolveInfo } from 'graphql';
import type { Caller } from '../../domain/permissions.ts';
import type { GraphqlTools } from './tools.ts';

export interface GraphqlContext {
  readonly caller: Caller;
  readonly tools: GraphqlTools;
  /** The account's id, which FirstGen's inputs repeat. */
  readonly accountId: string;
  /** The part `file` of a multipart request. */
  readonly file: Uint8Array | undefined;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

/**
 * GraphQL has checked the arguments against the schema before it calls a resolver: their type here is the
 * schema's, written in TypeScript.
 */
export type Resolver<Args = object, Parent = unknown> = (
  parent: Parent,
  args: Args,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
) => unknown;
