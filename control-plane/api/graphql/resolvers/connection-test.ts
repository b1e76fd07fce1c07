import { factsOf } from '../../../../protocol/index.ts';
import type { DispatchEvent } from '../../../dispatch/dispatcher.ts';
import type { GraphqlContext } from '../context.ts';
import { referenceFrom, type ScopeArguments } from './legate-scope.ts';

interface TestArguments extends ScopeArguments {
  readonly connector: string;
}

// What is refused is refused before there is a stream, so that it is an error of this field.
async function subscribe(_: unknown, args: TestArguments, { caller, tools, signal }: GraphqlContext) {
  return shown(await tools.testConnector(caller, referenceFrom(args.connector, args), signal));
}

async function* shown(events: AsyncIterable<DispatchEvent>) {
  for await (const event of events) {
    const legateConnectionTest = show(event);
    if (legateConnectionTest) yield { legateConnectionTest };
  }
}

/** The event as a type of the schema; undefined for the value, which nobody gets to see. */
function show(event: DispatchEvent) {
  switch (event.event) {
    case 'accepted':
      return { ...event, __typename: 'LegateAccepted' };
    case 'log':
      return { ...event, __typename: 'LegateLog' };
    case 'succeeded':
      return { ...event, __typename: 'LegateSucceeded' };
    case 'failed': {
      const { failure, delegates = [], ...rest } = event;
      const { code, explanation } = factsOf(failure.reason);
      return {
        ...rest,
        ...failure,
        code,
        message: explanation,
        refusals: delegates,
        __typename: 'LegateFailed',
      };
    }
    case 'value':
      return undefined;
  }
}

export const connectionTestResolvers = {
  Subscription: { legateConnectionTest: { subscribe } },
};
