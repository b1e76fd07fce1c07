/** What a manager is to become: a request, and on update what it leaves as it was. Pure. */
import { type FirstGenManagerDocument, mask } from '../documents/first-gen.ts';
import type { UsageScope } from '../domain/entities.ts';
import type { CreateSecretManagerInput, CustomSecretManagerInput, Maybe, NameAndValue } from './model.ts';

/** Not checked yet. Undefined where there is none; for the command path: the default. */
export interface ManagerDraft {
  readonly name: string;
  readonly templateId: string | undefined;
  readonly delegateSelectors: readonly string[];
  readonly testVariables: readonly Maybe<NameAndValue>[];
  readonly executeOnDelegate: boolean;
  readonly isConnectorTemplatized: boolean;
  readonly host: string | undefined;
  readonly commandPath: string | undefined;
  readonly connectorId: string | undefined;
  readonly isDefault: boolean;
  readonly usageScope: UsageScope;
}

type CreateInput = NonNullable<CreateSecretManagerInput['customSecretManagerInput']>;
type UpdateInput = Omit<CustomSecretManagerInput, 'isDefault'>;

export function draftOfNew(input: CreateInput, usageScope: UsageScope): ManagerDraft {
  return onItsPlace({
    name: input.name ?? '',
    templateId: input.templateId ?? undefined,
    delegateSelectors: selectorsOf(input.delegateSelectors ?? []),
    testVariables: input.testVariables ?? [],
    executeOnDelegate: input.executeOnDelegate === true,
    isConnectorTemplatized: input.isConnectorTemplatized === true,
    host: input.host || undefined,
    commandPath: input.commandPath || undefined,
    connectorId: input.connectorId || undefined,
    isDefault: input.isDefault === true,
    usageScope,
  });
}

/**
 * What is absent or null stays: many clients write null for what they leave out. An empty text or list clears.
 */
export function draftOfUpdate(
  before: FirstGenManagerDocument,
  input: UpdateInput,
  usageScope: UsageScope,
): ManagerDraft {
  return onItsPlace({
    name: input.name ?? before.name,
    templateId: input.templateId ?? before.templateId,
    delegateSelectors: input.delegateSelectors
      ? selectorsOf(input.delegateSelectors)
      : before.delegateSelectors,
    testVariables: input.testVariables?.map(given => unmasked(given, before)) ?? before.testVariables,
    executeOnDelegate: input.executeOnDelegate ?? before.executeOnDelegate,
    isConnectorTemplatized: input.isConnectorTemplatized ?? before.isConnectorTemplatized,
    host: (input.host ?? before.host) || undefined,
    commandPath: (input.commandPath ?? before.commandPath) || undefined,
    connectorId: (input.connectorId ?? before.connectorId) || undefined,
    isDefault: false,
    usageScope,
  });
}

/** Whoever reads a manager and writes it back sends the mask for what they were not shown. */
function unmasked(given: Maybe<NameAndValue>, before: FirstGenManagerDocument): Maybe<NameAndValue> {
  if (given?.value !== mask || !before.maskedTestVariables?.includes(given.name ?? '')) return given;
  return before.testVariables.find(({ name }) => name === given.name) ?? given;
}

/** Where the script runs on the delegate, there is no host and nothing to log in with. */
function onItsPlace(draft: ManagerDraft): ManagerDraft {
  return draft.executeOnDelegate ? { ...draft, host: undefined, connectorId: undefined } : draft;
}

const selectorsOf = (given: readonly Maybe<string>[]) => [
  ...new Set(given.flatMap(selector => (typeof selector === 'string' ? [selector.trim()] : []))),
];
