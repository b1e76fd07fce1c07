/** The schema's own scalars. What does not fit is refused without being repeated: it may be a secret, misplaced. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';

const integerText = /^-?[0-9]{1,19}$/;
const largest = 2n ** 63n - 1n;

/** A 64-bit integer: a decimal text in answers, since JSON's numbers lose digits. */
export const Long = scalar({
  name: 'Long',
  expects: 'an integer of 64 bits, or its decimal text',
  read(value) {
    const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text !== 'string' || !integerText.test(text)) return undefined;
    const number = BigInt(text);
    return number > largest || number < -largest - 1n ? undefined : number.toString();
  },
});

/** Milliseconds since 1970. Inside the product a time is ISO 8601. */
export const DateTime = scalar({
  name: 'DateTime',
  expects: 'milliseconds since 1970, as an integer or its digits',
  read(value) {
    if (typeof value !== 'number' && !(typeof value === 'string' && integerText.test(value)))
      return undefined;
    return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
  },
  write(value) {
    if (typeof value === 'string' && !integerText.test(value)) {
      const time = Date.parse(value);
      if (!Number.isNaN(time)) return time;
    }
    return undefined;
  },
});

export const AnyNumber = scalar({
  name: 'Number',
  expects: 'a number',
  read: value => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
});

export const Json = scalar({ name: 'LegateJSON', expects: 'a JSON value', read: value => value });

interface ScalarRules {
  readonly name: string;
  readonly expects: string;
  /** Undefined: this is none. */
  readonly read: (value: unknown) => unknown;
  /** What an answer may hold besides. */
  readonly write?: (value: unknown) => unknown;
}

function scalar({ name, expects, read, write }: ScalarRules): GraphQLScalarType {
  const readOrFail = (value: unknown) => {
    const result = read(value);
    if (result === undefined) throw new GraphQLError(`${name} must be ${expects}`);
    return result;
  };
  return new GraphQLScalarType({
    name,
    coerceOutputValue: value => {
      const result = write?.(value) ?? read(value);
      if (result === undefined) throw new TypeError(`an answer holds a ${name} that is none`);
      return result;
    },
    parseValue: readOrFail,
    parseLiteral: (node, variables) => readOrFail(literal(node, variables)),
  });
}

function literal(node: ValueNode, variables: Record<string, unknown> | null | undefined): unknown {
  // An integer stays a text until it is known not to lose digits.
  if (node.kind === Kind.INT && !Number.isSafeInteger(Number(node.value))) return node.value;
  return valueFromASTUntyped(node, variables);
}
