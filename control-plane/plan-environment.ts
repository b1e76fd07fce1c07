/** What expressions are evaluated against: a template's content, with the inputs of a connector and a secret merged in. */
import type { Connector, Secret, TemplateContent } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import type { Environment } from './domain/evaluate.ts';
import { type Expression, parseText } from './domain/expression.ts';
import { type DeclaredInput, type ResolvedInput, sameInput } from './domain/inputs.ts';
import { scalarAt } from './domain/spec-path.ts';

/** What is to be run. None of it need be saved yet. */
export interface Subject {
  readonly connector: Connector;
  readonly content: TemplateContent;
  /** Undefined for a connection test: the connector's own inputs, defaults and test values alike. */
  readonly secret?: Secret | undefined;
  /** Another one with every change of the connector or of what it pins; undefined where it is not saved. */
  readonly version?: string | undefined;
}

/** FirstGen managers take nothing from the template but the names of its variables. */
export function declaredInputs({ connector, content }: Subject): readonly DeclaredInput[] {
  if (connector.generation === 'NG') return content.inputs;
  const open = { kind: 'runtime', source: '<+input>', defaultText: undefined, validator: undefined } as const;
  return content.inputs.map(input => ({ ...input, value: open }));
}

/** `readSecret` gives the value of a secret that an expression names. */
export function environmentOf(
  { connector, content, secret }: Subject,
  inputs: readonly ResolvedInput[],
  readSecret: Environment['secret'],
): Environment {
  // FirstGen's parameters are the characters that they are.
  const isLiteral = ({ source }: ResolvedInput) =>
    (source === 'secret' && secret?.generation === 'FirstGen') ||
    (source === 'connector' && connector.generation === 'FirstGen');
  return {
    input(list, name) {
      const found = inputs.find(input => sameInput(input, { list, name }));
      if (!found) return undefined;
      const text: Expression = { kind: 'text', text: found.text };
      return {
        expression: isLiteral(found) ? text : expressionOf(found.text, found.secret),
        secret: found.secret,
      };
    },
    path: path => scalarAt(content.spec, path),
    secret: readSecret,
  };
}

/** Was valid when it was saved; a problem now is one of an older version's. What is secret is not quoted. */
export function expressionOf(text: string, isSecret = false): Expression {
  const parsed = parseText(text);
  if (parsed.ok) return parsed.expression;
  throw new RequestError(
    'UNRESOLVED_EXPRESSION',
    isSecret ? 'a value that is secret holds an expression that is not understood' : parsed.problem,
  );
}
