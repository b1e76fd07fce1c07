/**
 * What a changed template version means to the connectors that pin it and to their secrets. A connector goes on
 * with the content that it was last checked against until somebody accepts the new one.
 */
import { authorize, authorizeFound } from './access/authorize.ts';
import { assertUses, assertUsesOfSecrets } from './check-uses.ts';
import { valueProblems } from './check-values.ts';
import type { TemplateContent } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { checkSecretInputs, diffInputs, fixedConflicts, inputLabel } from './domain/inputs.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { connectorOf, noSuchManager, secretOf } from './load.ts';
import { declaredInputs } from './plan-environment.ts';
import { connectorsOf, findConnector, type StoredConnector, updateConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { secretsOf, setSecretUses } from './store/secrets.ts';
import { findContent, findTemplate } from './store/templates.ts';

/** What accepting a new content would mean for one connector. */
export interface Affected {
  /** Absolute reference. */
  readonly connector: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly scriptChanged: boolean;
  readonly secrets: readonly string[];
  /** Why the connector or a secret of it would no longer fit; empty: it can be accepted. */
  readonly problems: readonly string[];
}

/** The connectors that pin another content of this template version than `content`. */
export async function affectedBy(
  database: Database,
  template: Reference & { readonly versionLabel: string },
  content: TemplateContent,
  digest: string,
): Promise<{ connector: StoredConnector; affected: Affected }[]> {
  const pinning = await connectorsOf(database, template);
  const found = [];
  for (const connector of pinning.filter(({ contentDigest }) => contentDigest !== digest)) {
    found.push({ connector, affected: await compare(database, connector, content) });
  }
  return found;
}

async function compare(
  database: Database,
  stored: StoredConnector,
  content: TemplateContent,
): Promise<Affected> {
  const before = await findContent(database, stored.contentDigest);
  const { added, removed, changed } = diffInputs(before.inputs, content.inputs);
  const secrets = await secretsOf(database, stored);
  const problems: string[] = [];
  const connector = collect(problems, '', () => connectorOf(stored));
  if (connector) {
    const declared = declaredInputs({ connector, content });
    for (const input of fixedConflicts(declared, connector.inputs))
      problems.push(`"${inputLabel(input)}" would be fixed by the template`);
    problems.push(...valueProblems({ ...content, inputs: declared }, connector.inputs, 'connector'));
    for (const row of secrets) {
      collect(problems, `secret ${formatReference(row)}: `, () => {
        const { inputs } = secretOf(row);
        checkSecretInputs(declared, connector.inputs, inputs, inputs.length === 0);
        const wrong = valueProblems({ ...content, inputs: declared }, inputs, 'secret');
        if (wrong.length > 0) throw new RequestError('INVALID_REQUEST', wrong);
      });
    }
  }
  return {
    connector: formatReference(stored),
    added: added.map(inputLabel),
    removed: removed.map(inputLabel),
    changed: changed.map(({ after }) => inputLabel(after)),
    scriptChanged: before.script !== content.script,
    secrets: secrets.map(formatReference),
    problems,
  };
}

function collect<T>(problems: string[], prefix: string, step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    problems.push(...error.problems.map(problem => prefix + problem));
    return undefined;
  }
}

/** In words, a line for the connector and one for each problem. */
export function describeAffected(affected: Affected): string[] {
  const { connector, added, removed, changed, scriptChanged, secrets, problems } = affected;
  const differences = Object.entries({ added, removed, changed }).flatMap(([what, names]) =>
    names.length > 0 ? [`inputs ${what}: ${names.join(', ')}`] : [],
  );
  if (scriptChanged) differences.unshift('another script');
  if (differences.length === 0) differences.push('another spec');
  const uses = secrets.length > 0 ? `; its secrets: ${secrets.join(', ')}` : '';
  return [
    `connector ${connector}: ${differences.join('; ')}${uses}`,
    ...problems.map(problem => `connector ${connector} would not fit: ${problem}`),
  ];
}

/**
 * Moves a connector to the content that its template version has now. Accepting takes the right to edit the
 * connector and each of its secrets. Throws a `RequestError` where something would no longer fit.
 */
export async function acceptContent(
  database: Database,
  caller: Caller,
  id: Reference,
  now: string,
): Promise<Affected | undefined> {
  const stored = await findConnector(database, id);
  if (!stored) throw noSuchManager(id);
  authorizeFound(caller, 'edit', { scope: id.scope, connector: formatReference(id) }, () =>
    noSuchManager(id),
  );
  if (stored.contentDigest === stored.templateDigest) return undefined;
  const template = await findTemplate(database, stored.template);
  if (!template) throw new Error('a connector pins a template version that is not there');
  const affected = await compare(database, stored, template.content);
  if (affected.problems.length > 0) throw new RequestError('INVALID_REQUEST', describeAffected(affected));
  await pin(database, caller, stored, template.contentDigest, now);
  return affected;
}

/**
 * Pins a content that has been found to fit. As with every other change of a connector, whoever makes it answers for
 * the secrets that are used by it from then on.
 */
export async function pin(
  database: Database,
  caller: Caller,
  stored: StoredConnector,
  contentDigest: string,
  now: string,
): Promise<void> {
  authorize(caller, 'edit', { scope: stored.scope, connector: formatReference(stored) });
  for (const secret of await secretsOf(database, stored))
    authorize(caller, 'edit', { scope: secret.scope, secret: formatReference(secret) });
  const connector = connectorOf(stored);
  const before = { connector, content: await findContent(database, stored.contentDigest) };
  const after = { connector, content: await findContent(database, contentDigest) };
  const used = await assertUses({ database, caller }, after);
  await assertUsesOfSecrets({ database, caller }, before, after);
  if (!(await updateConnector(database, { ...stored, contentDigest }, now)))
    throw new RequestError(
      'INVALID_REQUEST',
      `connector ${formatReference(stored)} was changed by somebody else; try again`,
    );
  const { target } = connector;
  const hops = target.kind === 'host' ? [target, ...(target.jumps ?? [])] : [];
  used.push(...hops.flatMap(({ credential }) => (credential ? [credential] : [])));
  const { scope, identifier } = stored;
  await setSecretUses(database, { kind: 'connector', scope, identifier }, used);
}
