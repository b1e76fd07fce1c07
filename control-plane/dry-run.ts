/** A template version that is tried on a delegate before there is any connector of it. */
import { authorizeFound } from './access/authorize.ts';
import { assertUses } from './check-uses.ts';
import type { Connector } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { sameInput } from './domain/inputs.ts';
import type { Caller } from './domain/permissions.ts';
import type { Reference } from './domain/reference.ts';
import { noSuchTemplate } from './load.ts';
import type { Subject } from './plan-environment.ts';
import type { Database } from './store/database.ts';
import { findTemplate } from './store/templates.ts';

export interface DryRun {
  readonly template: Reference & { readonly versionLabel?: string | undefined };
  /** By the names of `environmentVariables`. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly selectors: readonly string[];
  readonly timeoutSeconds: number;
}

/**
 * What a connector with these inputs would run. Throws a `RequestError` where the caller may not change the
 * template or use what its script names, or an input is none of the template's.
 */
export async function dryRunSubject(database: Database, caller: Caller, asked: DryRun): Promise<Subject> {
  const { template: id, inputs, selectors, timeoutSeconds } = asked;
  const none = () => noSuchTemplate(id);
  const found = await findTemplate(database, id);
  if (!found) throw none();
  authorizeFound(caller, 'edit', id, none);
  const { scope, identifier, versionLabel, content } = found;
  const given = Object.entries(inputs).map(([name, text]) => {
    const list = 'environmentVariables' as const;
    const declared = content.inputs.find(input => sameInput(input, { list, name }));
    if (declared?.value.kind !== 'runtime') {
      throw new RequestError('INVALID_REQUEST', `inputs: "${name}" is not one that the template leaves open`);
    }
    return { list, name, type: declared.type, value: { kind: 'fixed', text } as const, useAsDefault: true };
  });
  const connector: Connector = {
    scope,
    identifier,
    uuid: found.uuid,
    generation: 'NG',
    name: found.name,
    template: { scope, identifier, versionLabel },
    inputs: given,
    selectors,
    timeoutSeconds,
    workingDirectory: undefined,
    target: { kind: 'delegate' },
    ignoreTest: true,
    allowOtherManagers: false,
    cacheTtlSeconds: 0,
    usageScope: [],
    document: undefined,
  };
  await assertUses({ database, caller }, { connector, content });
  return { connector, content };
}
