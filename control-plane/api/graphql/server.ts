/** The GraphQL server itself: schema, limits, and errors as callers may see them. */
import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  NoSchemaIntrospectionCustomRule,
  parse,
} from 'graphql';
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
      setParseFn((source, options) =>
        parsed(() => parse(source, { ...options, maxTokens: graphqlLimits.tokens })),
      );
    },
    onExecute({ args, setResultAndStopExecution }) {
      const errors = variableErrors(args);
      if (errors) setResultAndStopExecution({ errors });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const errors = variableErrors(args);
      if (errors) setResultAndStopExecution({ errors });
    },
    onValidate({ addValidationRule }) {
      addValidationRule(limitsRule);
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
    },
  };
}

/** Variables of this many characters are looked at before they are executed. */
const largeVariables = 65_536;

/**
 * The executor tells up to fifty errors of a variable, and prints all of it in each: for a large one that would keep
 * the server for seconds. Of such a one only that it is wrong is told.
 */
function variableErrors(args: {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
}): readonly GraphQLError[] | undefined {
  const values = { ...args.variableValues };
  if (JSON.stringify(values).length < largeVariables) return undefined;
  const definitions = getOperationAST(args.document, args.operationName)?.variableDefinitions ?? [];
  const { errors } = getVariableValues(args.schema, definitions, values, { maxErrors: 1 });
  return errors && [new GraphQLError('A variable got an invalid value; send less to be told which.')];
}

/** The parser calls itself for what is nested; so much of it is no query of anybody. */
function parsed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof RangeError
      ? new GraphQLError('Syntax Error: the document is nested too deeply.')
      : error;
  }
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
