/** The checks of a manager before its script is run, in the original's order. */
import { defaultCommandPath, type FirstGenManagerDocument } from '../documents/first-gen.ts';
import { textAt, textProblems } from '../documents/problems.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import { findTemplateByUuid, type StoredTemplate } from '../store/templates.ts';
import { requireCredential, requireNamedCredential } from './credentials.ts';
import type { ManagerDraft } from './manager-draft.ts';
import { invalidArgument, refusal } from './refusals.ts';
import { usageScopeDocument } from './usage-scope.ts';
import { missingNames, readVariables, type Variable } from './variables.ts';

export interface CheckedManager {
  readonly document: FirstGenManagerDocument;
  /** The version that is stable now: the manager pins its content. */
  readonly template: StoredTemplate;
  /** The secrets that it names. */
  readonly uses: readonly Reference[];
}

const nameRule = /^[0-9a-zA-Z-' !_]+$/;
/** A leading dash would be an option to a program that is given the host, blanks and control characters worse. */
const hostRule = /^(?!-)[\p{L}\p{N}._:[\]%-]{1,255}$/u;

/** Throws a `RequestError`: the first problem, as the original. */
export async function checkManager(
  database: Database,
  caller: Caller,
  draft: ManagerDraft,
): Promise<CheckedManager> {
  const { name, executeOnDelegate, isConnectorTemplatized, host, connectorId } = draft;
  const template = await findScriptTemplate(database, draft.templateId);
  const shell = shellOf(template);
  const variables = readVariables(draft.testVariables, 'testVariables');
  const credential = executeOnDelegate ? undefined : await credentialOf(database, caller, draft, variables);
  // WinRM credentials can't be made, so every credential is one for SSH.
  if (credential && shell !== 'Bash') {
    throw invalidArgument(
      'Bash Script can only be used with SSH Connector and Powershell Script can only be used with WinRM Connector',
    );
  }
  const commandPath = draft.commandPath ?? defaultCommandPath;
  if (draft.isDefault) throw invalidArgument('Custom secret manager cannot be set as default secret manager');
  if (!nameRule.test(name) || name.trim() === '') {
    throw invalidArgument(
      'Name cannot be empty and can only have alphanumeric, hyphen, single inverted comma, space and exclamation ' +
        'mark characters.',
    );
  }
  checkPlace({ ...draft, commandPath });
  const declared = template.content.inputs.map(input => input.name);
  const missing = missingNames(declared, variables);
  if (missing.length > 0) {
    throw invalidArgument(
      `The values for the variables ${missing.join(', ')} have not been provided as part of test parameters`,
    );
  }
  const document = {
    name,
    templateId: template.uuid,
    delegateSelectors: [...draft.delegateSelectors],
    testVariables: variables,
    executeOnDelegate,
    isConnectorTemplatized,
    commandPath,
    usageScope: usageScopeDocument(draft.usageScope),
    ...(host === undefined ? {} : { host }),
    ...(connectorId === undefined ? {} : { connectorId }),
    ...(credential && !isConnectorTemplatized ? { credential: formatReference(credential) } : {}),
  };
  return { document, template, uses: credential ? [credential] : [] };
}

async function findScriptTemplate(database: Database, id: string | undefined): Promise<StoredTemplate> {
  const found = id === undefined ? undefined : await findTemplateByUuid(database, id);
  if (found?.scope !== account)
    throw refusal(`Base template for template with id ${id ?? null} does not exist`);
  const type = isObject(found.document) ? textAt(found.document, 'type') : undefined;
  if (type !== 'SecretManager')
    throw refusal(`Base template for template with id ${id} is not a Shell Script Template`);
  return found;
}

const shellOf = ({ content: { spec } }: StoredTemplate) =>
  (isObject(spec) ? textAt(spec, 'shell') : undefined) ?? 'Bash';

function credentialOf(
  database: Database,
  caller: Caller,
  { isConnectorTemplatized, connectorId }: ManagerDraft,
  variables: readonly Variable[],
) {
  return isConnectorTemplatized
    ? requireNamedCredential(database, caller, variables)
    : requireCredential(database, caller, connectorId);
}

/** Where the script is to run: the original's checks, and what a task could not carry out. */
function checkPlace(draft: ManagerDraft & { readonly commandPath: string }): void {
  const { commandPath, executeOnDelegate, host, delegateSelectors } = draft;
  if (commandPath.trim() === '')
    throw invalidArgument('Command path for the custom secret manager cannot be empty');
  if (!executeOnDelegate && !host?.trim()) {
    throw invalidArgument(
      'Target host cannot be empty when the secret has to be retrieved from another system.',
    );
  }
  const problems: string[] = textProblems('commandPath', commandPath);
  if (executeOnDelegate && !/^\/[^\0]{0,4095}$/.test(commandPath))
    problems.push('commandPath must be an absolute path of at most 4096 characters');
  if (!executeOnDelegate && !hostRule.test(host ?? ''))
    problems.push('host must be a host name or address, without blanks or a leading "-"');
  if (delegateSelectors.includes(''))
    problems.push('delegateSelectors must not hold an empty text: it would not mean "any delegate"');
  problems.push(...delegateSelectors.flatMap((text, at) => textProblems(`delegateSelectors[${at}]`, text)));
  if (problems.length > 0) throw invalidArgument(problems);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
