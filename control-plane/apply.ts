/** `apply`: documents in, templates, connectors and secrets out; all of them or none. */
import { isDeepStrictEqual } from 'node:util';
import { readConnector, readSecret, readTemplate } from './documents/read.ts';
import { type Kind, kinds } from './documents/schemas.ts';
import { readYaml } from './documents/yaml.ts';
import type { Connector, Secret, TemplateVersion } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { checkSecretInputs, type DeclaredInput } from './domain/inputs.ts';
import { formatReference } from './domain/reference.ts';
import type { Database } from './store/database.ts';
import {
  type Change,
  connectorsOf,
  findConnectorDocument,
  findSecretDocument,
  findTemplate,
  saveConnector,
  saveSecret,
  saveTemplate,
} from './store/entities.ts';
import type { Compile } from './template/compile.ts';

export interface ApplyTools {
  readonly database: Database;
  readonly compile: Compile;
  readonly now: () => string;
}

/** One file, or whatever else the text came from. */
export interface ApplySource {
  readonly name: string;
  readonly text: string;
}

export interface Applied {
  readonly kind: Kind;
  /** As in `account.some_id`; a template's has its version behind an @. */
  readonly reference: string;
  readonly change: Change;
}

/** A document and where it stands. */
interface Found {
  readonly kind: Kind;
  readonly where: string;
  readonly data: unknown;
}

// What is referred to comes before what refers to it, in whatever order the files are.
const order: readonly Kind[] = ['template', 'connector', 'secret'];

class DryRun extends Error {}

/**
 * Applies all documents of all sources, or none: throws a `RequestError` with every problem that was found.
 * With `dryRun` everything is checked and nothing is written.
 */
export async function applyDocuments(
  tools: ApplyTools,
  sources: readonly ApplySource[],
  dryRun: boolean,
): Promise<Applied[]> {
  const found = findDocuments(sources);
  const applied: Applied[] = [];
  const problems: string[] = [];
  try {
    await tools.database.transaction().execute(async database => {
      for (const { kind, where, data } of found) {
        try {
          applied.push(await applyOne({ ...tools, database }, kind, data));
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
          problems.push(...error.problems.map(problem => `${where}: ${problem}`));
        }
      }
      if (problems.length > 0) throw new RequestError('INVALID_REQUEST', problems);
      if (dryRun) throw new DryRun();
    });
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
  }
  return applied;
}

function findDocuments(sources: readonly ApplySource[]): Found[] {
  const problems: string[] = [];
  const found: Found[] = [];
  for (const { name, text } of sources) {
    const yaml = readYaml(text);
    if (!yaml.ok) {
      problems.push(...yaml.problems.map(problem => `${name}: ${problem}`));
      continue;
    }
    for (const { data, line } of yaml.documents) {
      const where = `${name}:${line}`;
      const entry = typeof data === 'object' && data !== null ? Object.entries(data) : [];
      const [key, body] = entry[0] ?? [];
      if (entry.length === 1 && key !== undefined && isKind(key))
        found.push({ kind: key, where, data: body });
      else problems.push(`${where}: a document must have exactly one key: template, connector or secret`);
    }
  }
  if (problems.length === 0 && found.length === 0) problems.push('there is no document to apply');
  if (problems.length > 0) throw new RequestError('INVALID_REQUEST', problems);
  return found.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

const isKind = (key: string): key is Kind => Object.hasOwn(kinds, key);

function applyOne(tools: ApplyTools, kind: Kind, data: unknown): Promise<Applied> {
  switch (kind) {
    case 'template':
      return applyTemplate(tools, data);
    case 'connector':
      return applyConnector(tools, data);
    case 'secret':
      return applySecret(tools, data);
  }
}

async function applyTemplate({ database, compile, now }: ApplyTools, data: unknown): Promise<Applied> {
  const source = valid(readTemplate(data));
  const compiled = await compile(
    source.script,
    source.inputs.map(({ name }) => name),
  );
  if (!compiled.ok) {
    throw new RequestError(
      'INVALID_REQUEST',
      compiled.problems.map(
        ({ line, column, message }) => `script line ${line}, column ${column}: ${message}`,
      ),
    );
  }
  const template: TemplateVersion = { ...source, program: compiled.program };
  const reference = `${formatReference(template)}@${template.versionLabel}`;
  const before = await findTemplate(database, template);
  if (before && isDeepStrictEqual(before.document, plain(template.document))) {
    return { kind: 'template', reference, change: 'unchanged' };
  }
  if (before && runsDifferently(before.columns, template)) {
    const users = await connectorsOf(database, template);
    if (users.length > 0) {
      throw new RequestError(
        'INVALID_REQUEST',
        `template ${reference} is used by connector ${users.map(user => `account.${user}`).join(', ')}, so its ` +
          'script and inputs cannot change; give the change a new versionLabel',
      );
    }
  }
  await saveTemplate(database, template, now());
  return { kind: 'template', reference, change: before ? 'changed' : 'created' };
}

function runsDifferently(
  before: { script: string; inputs: readonly DeclaredInput[] },
  after: { script: string; inputs: readonly DeclaredInput[] },
): boolean {
  return before.script !== after.script || !isDeepStrictEqual(plain(before.inputs), plain(after.inputs));
}

async function applyConnector({ database, now }: ApplyTools, data: unknown): Promise<Applied> {
  const connector = valid(readConnector(data));
  const reference = formatReference(connector);
  const template = await findTemplate(database, connector.template);
  if (!template) {
    const wanted = `${formatReference(connector.template)}@${connector.template.versionLabel}`;
    throw new RequestError(
      'INVALID_REQUEST',
      `connector.spec.template: there is no template ${wanted}; apply it first`,
    );
  }
  for (const { name, fixed } of template.columns.inputs) {
    const own = connector.inputs.find(input => input.name === name);
    if (fixed !== undefined && own?.value !== undefined && own.value !== fixed) {
      throw new RequestError(
        'INVALID_REQUEST',
        `connector.spec.template.templateInputs: "${name}" is fixed by the template and cannot be set`,
      );
    }
  }
  const before = await findConnectorDocument(database, connector);
  return save('connector', reference, before, connector.document, () =>
    saveConnector(database, connector, now()),
  );
}

async function applySecret({ database, now }: ApplyTools, data: unknown): Promise<Applied> {
  const secret = valid(readSecret(data));
  const reference = formatReference(secret);
  const before = await findSecretDocument(database, secret);
  const managerDocument = await findConnectorDocument(database, secret.connector);
  if (managerDocument === undefined) {
    throw new RequestError(
      'SECRET_MANAGEMENT_ERROR',
      `No such secret manager found with identifier ${formatReference(secret.connector)} in this scope.`,
    );
  }
  if (before !== undefined) {
    const old: Secret = valid(readSecret(before));
    if (formatReference(old.connector) !== formatReference(secret.connector)) {
      throw new RequestError('INVALID_REQUEST', 'Cannot change secret manager after creation.');
    }
  }
  const connector: Connector = valid(readConnector(managerDocument));
  const template = await findTemplate(database, connector.template);
  checkSecretInputs(template?.columns.inputs ?? [], connector.inputs, secret.inputs, secret.valueIsEmpty);
  return save('secret', reference, before, secret.document, () => saveSecret(database, secret, now()));
}

async function save(
  kind: Kind,
  reference: string,
  before: unknown,
  after: unknown,
  write: () => Promise<void>,
): Promise<Applied> {
  if (before !== undefined && isDeepStrictEqual(before, plain(after)))
    return { kind, reference, change: 'unchanged' };
  await write();
  return { kind, reference, change: before === undefined ? 'created' : 'changed' };
}

function valid<T>(checked: { ok: true; value: T } | { ok: false; problems: string[] }): T {
  if (!checked.ok) throw new RequestError('INVALID_REQUEST', checked.problems);
  return checked.value;
}

/** As it comes back from the store, where documents are JSON. */
const plain = (data: unknown): unknown => JSON.parse(JSON.stringify(data));
