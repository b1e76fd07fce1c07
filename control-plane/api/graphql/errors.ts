/** What callers get to see of an error: the contract's frame, and nothing of what went on inside. */
import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { type Failure, factsOf } from '../../../protocol/index.ts';
import type { WhyNot } from '../../dispatch/why-not.ts';
import { RequestError } from '../../domain/errors.ts';

/** A fetch or test that was begun and failed. Everything in it may be shown. */
export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    failure: Failure,
    facts: { attempts?: number; delegate?: string; delegates?: readonly WhyNot[] },
  ) {
    const { reason, detail, ...rest } = failure;
    const { code, explanation } = factsOf(reason);
    super(detail === undefined ? explanation : `${explanation} ${detail}`);
    this.code = code;
    this.details = { reason, ...rest, ...facts };
  }
}

export type LogFault = (error: unknown, correlationId: string) => void;

/**
 * Makes the error that a caller sees. An error of a field gets the contract's frame; what is no fault of the
 * request is logged under a correlation id, which is all that the caller learns of it.
 */
export function presentError(error: unknown, log: LogFault): GraphQLError {
  if (!(error instanceof GraphQLError)) return fault(error, undefined, log);
  const cause = error.originalError;
  if (cause instanceof RequestError || cause instanceof TaskFailure) {
    const details = 'details' in cause && isRecord(cause.details) ? cause.details : {};
    return framed(error, rendered(cause), { code: cause.code, ...details });
  }
  if (cause && !(cause instanceof GraphQLError)) return fault(cause, error, log);
  // The library's own words about the request, which like to repeat what was sent: a secret value, perhaps.
  const message = error.message.startsWith('Variable "$')
    ? aboutVariable(error.message, cause?.message)
    : withoutValues(error.message);
  if (error.path) return framed(error, message, { code: 'INVALID_REQUEST' });
  const { originalError: quotesBody, ...extensions } = error.extensions;
  // Without it the server would take a body that is no JSON for a GraphQL error, and say 200.
  if (quotesBody && isRecord(extensions.http)) extensions.http = { ...extensions.http, spec: false };
  return new GraphQLError(message, { ...place(error), extensions });
}

/** Each cause with the prefix of its class, each once. */
export function rendered(error: Error): string {
  const messages = new Set<string>();
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RequestError) {
      const prefix = cause.message.slice(0, cause.message.length - cause.problems.join('\n').length);
      for (const problem of cause.problems) messages.add(prefix + problem);
    } else if (cause instanceof TaskFailure) messages.add(cause.message);
    else break; // What is behind it is internal.
  }
  return [...messages].join(';; ');
}

function fault(cause: unknown, located: GraphQLError | undefined, log: LogFault): GraphQLError {
  const correlationId = randomUUID();
  log(cause, correlationId);
  const message = "An error has occurred. The control plane's log says more under this correlationId.";
  const extensions = { code: 'INTERNAL', correlationId };
  if (located?.path) return framed(located, message, extensions);
  return new GraphQLError(message, { extensions: { ...extensions, http: { status: 500 } } });
}

function framed(error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError {
  // An event of a subscription that could not be had belongs to no field.
  if (!error.path) return new GraphQLError(message, { extensions });
  const where = error.path.map(key => (typeof key === 'number' ? `[${key}]` : `/${key}`)).join('');
  return new GraphQLError(`Exception while fetching data (${where}) : ${message}`, {
    ...place(error),
    path: error.path,
    extensions: { classification: 'DataFetchingException', ...extensions },
  });
}

const place = ({ nodes, source, positions }: GraphQLError) => ({ nodes, source, positions });

/** `Variable "$x" got invalid value VALUE at "x.y"; REASON`, without the value. */
function aboutVariable(message: string, reason: string | undefined): string {
  const [head] = /^Variable "\$\w+"/.exec(message) ?? ['A variable'];
  if (reason === undefined || !message.endsWith(`; ${reason}`)) return withoutValues(message);
  const [, at = ''] = /( at "[\w.[\]]+")$/.exec(message.slice(0, -reason.length - 2)) ?? [];
  return `${head} got an invalid value${at}: ${withoutValues(reason)}`;
}

function withoutValues(message: string): string {
  return message
    .replace(/^Value .* does not exist in "(\w+)" enum.*$/s, 'The value does not exist in the enum "$1".')
    .replace(/ got invalid value .*$/s, ' got an invalid value')
    .replace(/,? found:.*$/s, '.')
    .replace(/( value| sequence|digit but got|character): .*$/s, '$1.')
    .replace(/\b(Name|Int|Float|String|BlockString) ".*"/s, '$1');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
