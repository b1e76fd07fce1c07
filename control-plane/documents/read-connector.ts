/** A connector's document to a connector. */
import type { Connector, Target } from '../domain/entities.ts';
import type { GivenInput } from '../domain/inputs.ts';
import { parseFieldReference } from '../domain/reference.ts';
import { selectorProblem } from '../domain/selectors.ts';
import {
  duplicateProblems,
  finish,
  inputLists,
  inputValueAt,
  type Problems,
  publicTextProblems,
  referenceAt,
  scopeAt,
  tooMany,
  typeOf,
} from './problems.ts';
import { readTarget } from './read-target.ts';
import { ConnectorDocument } from './schemas.ts';
import { readUsageScope } from './usage-scope.ts';
import { type Checked, checker } from './validate.ts';

const check = checker(ConnectorDocument, 'connector');

/** A connector, but for the id that only the store knows. */
export type ConnectorSource = Omit<Connector, 'uuid'>;

/** Reads what stands below the key `connector`. */
export function readConnector(data: unknown): Checked<ConnectorSource> {
  const checked = check(data);
  if (!checked.ok) return checked;
  const document = checked.value;
  const { spec } = document;
  const problems: Problems = [];
  const references: Problems = [];
  const scope = scopeAt('connector', document, problems, references);
  if (document.type !== 'CustomSecretManager') {
    problems.push(
      `connector.type must be CustomSecretManager; connectors of type ${document.type} are not supported`,
    );
  }
  if (spec.default) problems.push('Custom secret manager cannot be set as default secret manager');
  const target = readTarget(spec, scope, { problems, references });
  problems.push(...placeProblems(spec, target));
  const path = 'connector.spec.template.templateInputs';
  const inputs = inputLists.flatMap(list => {
    const entries = spec.template.templateInputs?.[list] ?? [];
    if (tooMany(`${path}.${list}`, entries, problems)) return [];
    problems.push(...duplicateProblems(`${path}.${list}`, entries));
    return entries.map(({ name, type, value, useAsDefault }, index): GivenInput => {
      const at = `${path}.${list}[${index}].value`;
      const own = typeOf(type);
      const parsed = inputValueAt(at, value, problems, { type: own });
      return { list, name, type: own, value: parsed, useAsDefault: useAsDefault === true };
    });
  });
  const { templateRef, versionLabel } = spec.template;
  const template = referenceAt(
    () => parseFieldReference(templateRef, scope, 'templateRef'),
    'connector.spec.template.templateRef',
    references,
  );
  const usageScope = readUsageScope(spec.usageScope, problems);
  const make = (): ConnectorSource => ({
    scope,
    identifier: document.identifier,
    generation: 'NG',
    name: document.name,
    template: { ...template, versionLabel },
    inputs,
    selectors: [...new Set((spec.delegateSelectors ?? []).map(selector => selector.trim()))],
    ...(spec.selectorSyntax === undefined ? {} : { selectorSyntax: 'expression' as const }),
    timeoutSeconds: Number(spec.timeout ?? 20),
    // Provisioning tools write an empty text for "none".
    workingDirectory: spec.workingDirectory || undefined,
    target,
    ignoreTest: spec.ignoreTestConnection === true,
    allowOtherManagers: spec.allowSecretsOfOtherManagers === true,
    cacheTtlSeconds: Number(spec.cacheTtlSeconds ?? 0),
    usageScope,
    document,
  });
  return finish(problems, make, references);
}

function placeProblems(
  { delegateSelectors = [], selectorSyntax, workingDirectory = '' }: ConnectorDocument['spec'],
  target: Target,
): Problems {
  const problems = delegateSelectors.flatMap((selector, index) => {
    const at = `connector.spec.delegateSelectors[${index}]`;
    const problem = selectorSyntax === undefined ? undefined : selectorProblem(selector.trim());
    return [...publicTextProblems(at, selector), ...(problem === undefined ? [] : [`${at}: ${problem}`])];
  });
  const at = 'connector.spec.workingDirectory';
  problems.push(...publicTextProblems(at, workingDirectory));
  const begins = workingDirectory === '' || /^(\/|<\+)/.test(workingDirectory);
  if (target.kind === 'delegate') {
    if (!begins) problems.push(`${at} must be an absolute path of at most 4096 characters`);
    if (workingDirectory.includes('$')) problems.push(`${at}: variables ($NAME) work on a target host only`);
  }
  return problems;
}
