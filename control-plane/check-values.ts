/** What a document's values have to be, by its template and by what the store knows. */
import type { ConnectorSource } from './documents/read-connector.ts';
import type { TemplateContent, UsageScope } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { parseText } from './domain/expression.ts';
import { literalProblems } from './domain/input-rules.ts';
import { type GivenInput, inputLabel, sameInput } from './domain/inputs.ts';
import { pathProblems } from './domain/spec-path.ts';
import { findApplication } from './store/applications.ts';
import type { Database } from './store/database.ts';

/** What the template demands of given values, and what is wrong with the fields of it that they name. */
export function valueProblems(
  { inputs, spec }: TemplateContent,
  given: readonly GivenInput[],
  source: 'connector' | 'secret',
): string[] {
  const isSecret = (own: GivenInput) =>
    inputs.some(input => input.type === 'Secret' && sameInput(input, own));
  const known = given.map(own => (isSecret(own) ? { ...own, type: 'Secret' as const } : own));
  return [...literalProblems(inputs, given, source), ...inputPathProblems(known, spec)];
}

/** What is wrong with the fields of the template that values of inputs name. What is secret is not quoted. */
export function inputPathProblems(
  inputs: readonly Pick<GivenInput, 'list' | 'name' | 'type' | 'value'>[],
  spec: unknown,
): string[] {
  return inputs.flatMap(input => {
    const { type, value } = input;
    const text = value.kind === 'fixed' ? value.text : (value.defaultText ?? '');
    const shown = (problem: string) =>
      type === 'Secret' ? "it names a field of the template's spec that cannot be used" : problem;
    return textPathProblems(text, spec).map(problem => `input "${inputLabel(input)}": ${shown(problem)}`);
  });
}

/** The same for the texts of a connector that say where its tasks go. */
export function placePathProblems(
  { spec }: TemplateContent,
  { selectors, workingDirectory = '', target }: ConnectorSource,
): string[] {
  const texts: [field: string, text: string][] = [
    ...selectors.map((text): [string, string] => ['delegateSelectors', text]),
    ['workingDirectory', workingDirectory],
    ['host', target.kind === 'host' ? target.host : ''],
  ];
  return texts.flatMap(([field, text]) =>
    textPathProblems(text, spec).map(problem => `connector.spec.${field}: ${problem}`),
  );
}

/** A text that can't be read has been told of already. */
function textPathProblems(text: string, spec: unknown): string[] {
  const parsed = parseText(text);
  return parsed.ok ? pathProblems(parsed.expression, spec) : [];
}

/** Applications and environments that a usage scope names must be known. Throws a `RequestError`. */
export async function assertUsageScope(database: Database, scope: UsageScope): Promise<void> {
  for (const { application, environment } of scope) {
    if (!('appId' in application)) continue;
    const { appId } = application;
    const known = await findApplication(database, appId);
    if (!known) throw invalid(`No application exists with the id ${appId}`);
    if (!('envId' in environment)) continue;
    const { envId } = environment;
    if (!known.environments.some(({ id }) => id === envId))
      throw invalid(`No env exists with id ${envId} in application with id ${appId}`);
  }
}

const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
