/**
 * Documents to entities. What the documents can say and this version can't do yet is refused by name, never
 * passed over in silence.
 */
import { limits } from '../../protocol/index.ts';
import type { Connector, Secret, TemplateVersion } from '../domain/entities.ts';
import { type DeclaredInput, duplicates, type GivenInput } from '../domain/inputs.ts';
import { parseReference } from '../domain/reference.ts';
import { ConnectorDocument, type kinds, SecretDocument, SecretValue, TemplateDocument } from './schemas.ts';
import { type Checked, checker } from './validate.ts';

const checkTemplate = checker(TemplateDocument, 'template');
const checkConnector = checker(ConnectorDocument, 'connector');
const checkSecret = checker(SecretDocument, 'secret');
const checkSecretValue = checker(SecretValue, 'secret.spec.value');

/** A template version whose script has not been compiled yet. */
export type TemplateSource = Omit<TemplateVersion, 'program'>;

/** Problems are collected, so that a user sees all of them at once. */
type Problems = string[];

const runtimeInput = '<+input>';
const supported = 'is not supported yet';

/** Reads what stands below the key `template`. */
export function readTemplate(data: unknown): Checked<TemplateSource> {
  const checked = checkTemplate(data);
  if (!checked.ok) return checked;
  const document = checked.value;
  const { spec } = document;
  const problems = scopeProblems('template', document);
  if (document.type !== 'SecretManager') problems.push('template.type must be SecretManager');
  if (spec.shell !== 'Bash') problems.push('template.spec.shell must be Bash');
  const sourceType = spec.source.type ?? textAt(spec.source.spec, 'type');
  if (sourceType !== 'Inline') problems.push('template.spec.source.type must be Inline');
  if (!spec.source.spec.script.isWellFormed())
    problems.push('template.spec.source.spec.script must be valid Unicode');
  if (spec.inputVariables?.length) problems.push(`template.spec.inputVariables ${supported}`);
  const variables = spec.environmentVariables ?? [];
  const path = 'template.spec.environmentVariables';
  if (variables.length > limits.inputs)
    problems.push(`${path}: at most ${limits.inputs} inputs are possible`);
  problems.push(...duplicateProblems(path, variables), ...variables.flatMap(inputProblems(path)));
  return finish(problems, () => ({
    scope: 'account',
    identifier: document.identifier,
    versionLabel: document.versionLabel,
    name: document.name,
    script: spec.source.spec.script,
    inputs: variables.map(({ name, value }): DeclaredInput => ({ name, fixed: given(value) })),
    document,
  }));
}

/** Reads what stands below the key `connector`. */
export function readConnector(data: unknown): Checked<Connector> {
  const checked = checkConnector(data);
  if (!checked.ok) return checked;
  const document = checked.value;
  const { spec } = document;
  const problems = scopeProblems('connector', document);
  if (document.type !== 'CustomSecretManager') problems.push('connector.type must be CustomSecretManager');
  if (spec.default) problems.push('Custom secret manager cannot be set as default secret manager');
  problems.push(...targetProblems(spec), ...placeProblems(spec));
  const { templateInputs } = spec.template;
  const path = 'connector.spec.template.templateInputs';
  if (templateInputs?.inputVariables?.length) problems.push(`${path}.inputVariables ${supported}`);
  const inputs = templateInputs?.environmentVariables ?? [];
  problems.push(
    ...duplicateProblems(`${path}.environmentVariables`, inputs),
    ...inputs.flatMap(inputProblems(`${path}.environmentVariables`)),
  );
  const template = referenceAt('connector.spec.template.templateRef', spec.template.templateRef, problems);
  return finish(problems, () => ({
    scope: 'account',
    identifier: document.identifier,
    name: document.name,
    template: { ...template, versionLabel: spec.template.versionLabel },
    inputs: inputs.map(
      ({ name, value, useAsDefault }): GivenInput => ({
        name,
        value: given(value),
        useAsDefault: useAsDefault === true,
      }),
    ),
    selectors: [...new Set((spec.delegateSelectors ?? []).map(selector => selector.trim()))],
    timeoutSeconds: Number(spec.timeout ?? 20),
    // Provisioning tools write an empty text for "none".
    workingDirectory: spec.workingDirectory || undefined,
    document,
  }));
}

/** Reads what stands below the key `secret`. Its inputs are checked against the connector by whoever knows it. */
export function readSecret(data: unknown): Checked<Secret & { readonly valueIsEmpty: boolean }> {
  const checked = checkSecret(data);
  if (!checked.ok) return checked;
  const document = checked.value;
  const { spec } = document;
  const problems = scopeProblems('secret', document);
  const manager = spec.secretManagerIdentifier ?? '';
  if (manager === '' || /^((account|org)\.)?harnessSecretManager$/.test(manager)) {
    problems.push(
      `secret.spec.secretManagerIdentifier: the built-in secret manager ${supported}; name a connector`,
    );
  }
  if (document.type === 'SecretFile' || spec.valueType === 'Inline') {
    problems.push('Cannot create an Inline secret in read only secret manager');
  } else if (document.type !== 'SecretText') {
    problems.push(`secret.type: ${document.type} ${supported}; use SecretText`);
  } else if (spec.valueType !== 'CustomSecretManagerValues') {
    problems.push('secret.spec.valueType must be CustomSecretManagerValues');
  }
  if (problems.length > 0) return { ok: false, problems };

  const connector = referenceAt('secret.spec.secretManagerIdentifier', manager, problems);
  const value = spec.value ?? '';
  const inputs = readSecretValue(value, problems);
  return finish(problems, () => ({
    scope: 'account',
    identifier: document.identifier,
    name: document.name,
    connector,
    inputs,
    valueIsEmpty: value.trim() === '',
    document,
  }));
}

function readSecretValue(text: string, problems: Problems): GivenInput[] {
  if (text.trim() === '') return [];
  const path = 'secret.spec.value';
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    problems.push('Invalid JSON has been passed while creating the secret');
    return [];
  }
  const checked = checkSecretValue(data);
  if (!checked.ok) {
    problems.push(...checked.problems);
    return [];
  }
  if (checked.value.inputVariables?.length) problems.push(`${path}.inputVariables ${supported}`);
  return (checked.value.environmentVariables ?? []).flatMap(({ name, value, type }, index) => {
    const at = `${path}.environmentVariables[${index}]`;
    // Other numbers are not the text that was written any more: 1.0 would be 1.
    const plain = Number.isSafeInteger(value) ? String(value) : value;
    if (typeof name !== 'string') problems.push('"name" should be a string');
    if (typeof plain !== 'string') problems.push(`${at}.value must be text`);
    if (typeof type === 'string' && /^(number|secret)$/i.test(type))
      problems.push(`${at}.type: ${type} ${supported}; use String`);
    if (typeof name !== 'string' || typeof plain !== 'string') return [];
    if (plain.includes('<+')) problems.push(`${at}.value: an expression in an input value ${supported}`);
    problems.push(...textProblems(`${at}.value`, plain));
    return { name, value: plain, useAsDefault: false };
  });
}

function scopeProblems(
  kind: keyof typeof kinds,
  document: { orgIdentifier?: string; projectIdentifier?: string },
): Problems {
  return (['orgIdentifier', 'projectIdentifier'] as const)
    .filter(field => document[field])
    .map(
      field =>
        `${kind}.${field}: organisation and project scope ${supported}; leave it out for the account's`,
    );
}

function targetProblems(spec: ConnectorDocument['spec']): Problems {
  const remote = (['host', 'connectorRef'] as const).filter(field => spec[field]);
  if (remote.length > 0 || spec.onDelegate === false) {
    const what = remote.length > 0 ? remote.join(' and ') : 'onDelegate: false';
    return [
      `connector.spec: running the script on a target host (${what}) ${supported}; use onDelegate: true`,
    ];
  }
  return [];
}

/** What is text to the schema, and would be taken by its letters for want of what it means. */
function placeProblems({
  delegateSelectors = [],
  workingDirectory = '',
}: ConnectorDocument['spec']): Problems {
  const problems = delegateSelectors.flatMap((selector, index) =>
    selector.includes('<+')
      ? [`connector.spec.delegateSelectors[${index}]: an expression in a selector ${supported}`]
      : [],
  );
  if (workingDirectory.includes('<+') || workingDirectory.includes('$'))
    problems.push(`connector.spec.workingDirectory: an expression or variable in it ${supported}`);
  return problems;
}

function duplicateProblems(path: string, entries: readonly { name: string }[]): Problems {
  const names = entries.map(({ name }) => name);
  return duplicates(names).map(name => `${path}[${names.lastIndexOf(name)}].name: duplicate "${name}"`);
}

const inputProblems =
  (path: string) =>
  ({ type, value }: { type: string; value: string }, index: number): Problems => {
    const problems: Problems = [];
    const kind = type.toLowerCase();
    if (kind === 'number' || kind === 'secret')
      problems.push(`${path}[${index}].type: ${type} ${supported}; use String`);
    else if (kind !== 'string') problems.push(`${path}[${index}].type must be String`);
    if (value.includes('<+') && value !== runtimeInput) {
      const what = value.startsWith(runtimeInput)
        ? 'a method of <+input>'
        : 'an expression in an input value';
      problems.push(`${path}[${index}].value: ${what} ${supported}; write a fixed text or ${runtimeInput}`);
    }
    return [...problems, ...textProblems(`${path}[${index}].value`, value)];
  };

/** What a task can't carry is refused here, and not when somebody needs the secret. */
function textProblems(at: string, value: string): Problems {
  const problems: Problems = [];
  if (value.includes('\0')) problems.push(`${at} must not hold a NUL character`);
  // As in "\ud800": it could not be sent as it was written.
  if (!value.isWellFormed()) problems.push(`${at} must be valid Unicode`);
  if (value.length > limits.input) problems.push(`${at} must be at most ${limits.input} characters`);
  return problems;
}

/** The fixed value; undefined for a runtime input. */
const given = (value: string) => (value === runtimeInput ? undefined : value);

function referenceAt(field: string, text: string, problems: Problems) {
  try {
    return parseReference(text);
  } catch (error) {
    problems.push(`${field}: ${error instanceof Error ? error.message : 'not a reference'}`);
    return { scope: 'account' as const, identifier: '' };
  }
}

function textAt(value: object, key: string): string | undefined {
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === 'string' ? found : undefined;
}

function finish<T>(problems: Problems, make: () => T): Checked<T> {
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: make() };
}
