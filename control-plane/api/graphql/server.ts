/** The GraphQL server itself: schema, limits, and errors as callers may see them. */
import { type ExecutionResult, NoSchemaIntrospectionCustomRule, parse } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { GraphqlContext } from './context.ts';
import { type LogFault, presentError } from './errors.ts';
import { graphqlLimits, limitsRule } from './limits.ts';
import { buildGraphqlSchema } from './schema.ts';

/** Answers a request whose body is JSON or whose query is in the address. */
export type GraphqlServer = (request: Request, context: GraphqlContext) => Promise<Response>;

export function createGraphqlServer(introspection: boolean, log: LogFault): GraphqlServer {
  const yoga = createYoga<GraphqlContext>({
    schema: buildGraphqlSchema(),
    graphqlEndpoint: '/graphql',
    plugins: [limited(introspection), presented(log)],
    // Errors are masked when the answer is made: those of reading and checking a request, too.
    maskedErrors: false,
    // It would keep documents, in which a secret's value may stand.
    parserAndValidationCache: false,
    fetchAPI: { Request, Response, ReadableStream, TextEncoder },
    batching: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
  return async (request, context) => yoga.fetch(request, context);
}

function limited(introspection: boolean): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parse(source, { ...options, maxTokens: graphqlLimits.tokens }));
    },
    onValidate({ addValidationRule }) {
      addValidationRule(limitsRule);
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
    },
  };
}

function presented(log: LogFault): Plugin {
  const present = <Result extends ExecutionResult>(result: Result): Result =>
    result.errors ? { ...result, errors: result.errors.map(error => presentError(error, log)) } : result;
  return {
    onResultProcess(made) {
      const { result } = made;
      if (Symbol.asyncIterator in result) made.setResult(each(result, present));
      else if (!Array.isArray(result)) made.setResult(present(result));
    },
  };
}

async function* each<T>(items: AsyncIterable<T>, change: (item: T) => T): AsyncGenerator<T, void, void> {
  for await (const item of items) yield change(item);
}
