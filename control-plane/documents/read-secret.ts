/** A secret's document to a secret. Its inputs are checked against the connector by whoever knows it. */
import { isBuiltInManager } from '../domain/built-in-manager.ts';
import type { Secret, SshCredential } from '../domain/entities.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { InputList } from '../domain/expression.ts';
import type { GivenInput } from '../domain/inputs.ts';
import { parseReference } from '../domain/reference.ts';
import {
  finish,
  inputLists,
  inputValueAt,
  type Problems,
  referenceAt,
  scopeAt,
  textProblems,
  tooMany,
  typeOf,
} from './problems.ts';
import { readSshAuth } from './read-ssh-auth.ts';
import { SecretDocument, SecretValue } from './schemas.ts';
import { readUsageScope } from './usage-scope.ts';
import { type Checked, checker } from './validate.ts';

const check = checker(SecretDocument, 'secret');
const checkValue = checker(SecretValue, 'secret.spec.value');

/** What a document of the built-in manager says of the value itself; it is kept apart from the document. */
export type SecretContent =
  | { readonly kind: 'text'; readonly text: string }
  /** Beside the YAML. */
  | { readonly kind: 'file'; readonly path: string };

export interface SecretSource extends Omit<Secret, 'uuid'> {
  /** `spec.value` is empty. */
  readonly valueIsEmpty: boolean;
  /** What is wrong with a custom manager's value, which the original tells after what is wrong with the manager. */
  readonly valueProblem: { readonly code: ErrorCode; readonly problems: Problems } | undefined;
  /** Undefined where the document has none: the value that is there stays. */
  readonly content: SecretContent | undefined;
}

const readOnly = 'Cannot create an Inline secret in read only secret manager';
const noReference = 'Validating referenced secrets for Custom Secret Manager is not supported.';
const noReferenceType = 'Validating referenced secrets is only supported for type Secret Text';

/** Reads what stands below the key `secret`. */
export function readSecret(data: unknown): Checked<SecretSource> {
  const checked = check(data);
  if (!checked.ok) return checked;
  const document = checked.value;
  const { spec } = document;
  const problems: Problems = [];
  const references: Problems = [];
  const scope = scopeAt('secret', document, problems, references);
  const manager = (spec.secretManagerIdentifier ?? '').trim();
  const common = {
    scope,
    identifier: document.identifier,
    generation: 'NG' as const,
    name: document.name,
    usageScope: readUsageScope(spec.usageScope, problems),
    inheritScopes: false,
  };
  if (document.type === 'SSHKey') {
    const ssh = readSshAuth(spec.auth, spec.port, scope, problems);
    const make = () => ({ ...common, ...kept('SSHKey', ssh), document, content: undefined });
    return finish(problems, make, references);
  }
  if (document.type !== 'SecretText' && document.type !== 'SecretFile') {
    problems.push(
      `secret.type must be SecretText, SecretFile or SSHKey; secrets of type ${document.type} are not supported`,
    );
    return { ok: false, problems };
  }
  const { type } = document;
  if (manager === '' && spec.valueType === 'CustomSecretManagerValues')
    references.push('Unable to resolve empty connector identifier reference');
  if (isBuiltInManager(manager)) {
    const content = references.length > 0 ? undefined : contentOf(document, problems);
    const make = () => ({
      ...common,
      ...kept(type, undefined),
      document: withoutValue(document),
      content,
    });
    return finish(problems, make, references);
  }
  const connector = referenceAt(
    () => parseReference(manager, scope),
    'secret.spec.secretManagerIdentifier',
    references,
  );
  const value = spec.value ?? '';
  const inputs: GivenInput[] = [];
  let valueProblem = customProblem(document);
  if (!valueProblem) {
    const wrong: Problems = [];
    inputs.push(...readSecretValue(value, wrong));
    if (wrong.length > 0) valueProblem = { code: 'INVALID_REQUEST', problems: wrong };
  }
  const make = (): SecretSource => ({
    ...common,
    // Documents have no word for it: what says nothing of its own is restricted as its manager is.
    inheritScopes: spec.usageScope === undefined,
    type,
    connector,
    inputs,
    ...(spec.key === undefined ? {} : { key: spec.key }),
    ssh: undefined,
    valueIsEmpty: value.trim() === '',
    valueProblem,
    document,
    content: undefined,
  });
  return finish(problems, make, references);
}

/** What a secret of the built-in manager has besides its value. */
function kept<Type extends Secret['type']>(type: Type, ssh: SshCredential | undefined) {
  return { type, connector: undefined, inputs: [], ssh, valueIsEmpty: true, valueProblem: undefined };
}

/** A custom manager is read-only, and knows its values by inputs alone. */
function customProblem({ type, spec }: SecretDocument): SecretSource['valueProblem'] {
  const invalid = (problem: string) => ({ code: 'INVALID_REQUEST' as const, problems: [problem] });
  const isText = type === 'SecretText';
  if (spec.valueType === 'Reference') return invalid(isText ? noReference : noReferenceType);
  if (!isText || spec.valueType === 'Inline')
    return { code: 'SECRET_MANAGEMENT_ERROR', problems: [readOnly] };
  if (spec.valueType === 'CustomSecretManagerValues') return undefined;
  return invalid('secret.spec.valueType must be CustomSecretManagerValues');
}

/** The value of a secret of the built-in manager, as its document gives it. */
function contentOf({ type, spec }: SecretDocument, problems: Problems): SecretContent | undefined {
  const { valueType = 'Inline', value, file, content } = spec;
  if (type === 'SecretText') {
    if (valueType !== 'Inline')
      problems.push('secret.spec.valueType must be Inline in the built-in secret manager');
    if (value === undefined) return undefined;
    if (value === '') problems.push('secret.spec.value must not be empty');
    problems.push(...textProblems('secret.spec.value', value));
    return { kind: 'text', text: value };
  }
  if (file && content !== undefined)
    problems.push('secret.spec: file and content exclude each other; give one of them');
  if (file) return { kind: 'file', path: file };
  if (content === undefined) return undefined;
  if (content === '') problems.push('secret.spec.content must not be empty');
  problems.push(...textProblems('secret.spec.content', content));
  return { kind: 'text', text: content };
}

/**
 * The document as it is kept and given back: a value of the built-in manager is written, never read. The name of a
 * file goes too: an export, which has no values, can then be applied as it is.
 */
function withoutValue(document: SecretDocument): unknown {
  const { value: _, content: __, file: ___, ...spec } = document.spec;
  return { ...document, spec };
}

/** The inputs that the JSON text of a secret's `value` gives. */
export function readSecretValue(text: string, problems: Problems): GivenInput[] {
  if (text.trim() === '') return [];
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    problems.push('Invalid JSON has been passed while creating the secret');
    return [];
  }
  const checked = checkValue(data);
  if (!checked.ok) {
    problems.push(...checked.problems);
    return [];
  }
  return inputLists.flatMap(list => {
    const entries = checked.value[list] ?? [];
    if (tooMany(`secret.spec.value.${list}`, entries, problems)) return [];
    return entries.flatMap((entry, index) => readEntry(list, entry, index, problems));
  });
}

function readEntry(
  list: InputList,
  { name, value, type }: { name?: unknown; value?: unknown; type?: unknown },
  index: number,
  problems: Problems,
): GivenInput[] {
  const at = `secret.spec.value.${list}[${index}]`;
  // Other numbers are not the text that was written any more: 1.0 would be 1.
  const plain = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof name !== 'string') problems.push('"name" should be a string');
  if (typeof plain !== 'string') problems.push(`${at}.value must be text`);
  if (typeof name !== 'string' || typeof plain !== 'string') return [];
  const given = typeof type === 'string' ? typeOf(type) : 'String';
  // Whether the input is a secret one is for the template to say, so nothing of it is quoted.
  const parsed = inputValueAt(`${at}.value`, plain, problems, { type: given, quote: false });
  return [{ list, name, type: given, value: parsed, useAsDefault: false }];
}
