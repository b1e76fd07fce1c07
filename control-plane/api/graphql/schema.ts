/** The executable schema: FirstGen's types and ours, with their resolvers. */
import type { GraphQLSchema } from 'graphql';
import { createSchema } from 'graphql-yoga';
import type { GraphqlContext } from './context.ts';
import { connectionTestResolvers } from './resolvers/connection-test.ts';
import { delegateResolvers } from './resolvers/delegates.ts';
import { legateFetchResolvers } from './resolvers/legate-fetch.ts';
import { legateQueryResolvers } from './resolvers/legate-queries.ts';
import { secretManagerResolvers } from './resolvers/secret-managers.ts';
import { secretResolvers } from './resolvers/secrets.ts';
import { AnyNumber, DateTime, Json, Long } from './scalars.ts';
import { commonTypes } from './schema/common.ts';
import { credentialTypes } from './schema/credentials.ts';
import { delegateTypes } from './schema/delegates.ts';
import { legateTypes } from './schema/legate.ts';
import { secretManagerTypes } from './schema/secret-managers.ts';
import { secretTypes } from './schema/secrets.ts';

export function buildGraphqlSchema(): GraphQLSchema {
  return createSchema<GraphqlContext>({
    typeDefs: [commonTypes, secretManagerTypes, secretTypes, credentialTypes, delegateTypes, legateTypes],
    resolvers: [
      { Long, DateTime, Number: AnyNumber, LegateJSON: Json },
      secretManagerResolvers,
      secretResolvers,
      delegateResolvers,
      legateQueryResolvers,
      legateFetchResolvers,
      connectionTestResolvers,
    ],
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
}
