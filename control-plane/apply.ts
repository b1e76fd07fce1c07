/** `apply`: documents in, templates, connectors and secrets out; all of them or none. */
import { isDeepStrictEqual } from 'node:util';
import { limits } from '../protocol/index.ts';
import { readConnector, readSecret, readTemplate, type TemplateSource } from './documents/read.ts';
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
  /** A refusal becomes a problem of the document; the others are looked at all the same. */
  const collect = async <T>(where: string, step: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      for (const problem of error.problems) problems.push(`${where}: ${problem}`);
      return undefined;
    }
  };
  // Compiling asks another program, and while a transaction lasts nobody else gets at the store.
  const prepared: { where: string; write: Write }[] = [];
  for (const { kind, where, data } of found) {
    const write = await collect(where, () => prepare(tools, kind, data));
    if (write) prepared.push({ where, write });
  }
  const places = new Map<string, string>();
  try {
    await tools.database.transaction().execute(async database => {
      for (const { where, write } of prepared) {
        const done = await collect(where, () => write(database));
        if (!done) continue;
        const key = `${done.kind} ${done.reference}`;
        const first = places.get(key);
        // The later one would win, and applying the same files again would never come to rest.
        if (first !== undefined) problems.push(`${where}: ${key} is in ${first} already`);
        places.set(key, where);
        applied.push(done);
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

/** What is left to do of a document that has been read: everything that needs the store. */
type Write = (database: Database) => Promise<Applied>;

async function prepare({ compile, now }: ApplyTools, kind: Kind, data: unknown): Promise<Write> {
  switch (kind) {
    case 'template': {
      const template = await compiled(compile, valid(readTemplate(data)));
      return database => applyTemplate(database, template, now());
    }
    case 'connector': {
      const connector = valid(readConnector(data));
      return database => applyConnector(database, connector, now());
    }
    case 'secret': {
      const secret = valid(readSecret(data));
      return database => applySecret(database, secret, now());
    }
  }
}

async function compiled(compile: Compile, source: TemplateSource): Promise<TemplateVersion> {
  const result = await compile(
    source.script,
    source.inputs.map(({ name }) => name),
  );
  if (!result.ok) {
    throw new RequestError(
      'INVALID_REQUEST',
      result.problems.map(({ line, column, message }) => `script line ${line}, column ${column}: ${message}`),
    );
  }
  if (result.program.text.length > limits.program) {
    throw new RequestError(
      'INVALID_REQUEST',
      `template.spec.source.spec.script: the compiled program has more than ${limits.program} characters`,
    );
  }
  return { ...source, program: result.program };
}

async function applyTemplate(database: Database, template: TemplateVersion, now: string): Promise<Applied> {
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
  await saveTemplate(database, template, now);
  return { kind: 'template', reference, change: before ? 'changed' : 'created' };
}

function runsDifferently(
  before: { script: string; inputs: readonly DeclaredInput[] },
  after: { script: string; inputs: readonly DeclaredInput[] },
): boolean {
  return before.script !== after.script || !isDeepStrictEqual(plain(before.inputs), plain(after.inputs));
}

async function applyConnector(database: Database, connector: Connector, now: string): Promise<Applied> {
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
    saveConnector(database, connector, now),
  );
}

async function applySecret(
  database: Database,
  secret: Secret & { readonly valueIsEmpty: boolean },
  now: string,
): Promise<Applied> {
  const reference = formatReference(secret);
  const before = await findSecretDocument(database, secret);
  // One that this version can't read any more may be replaced: that is what its user was told to do.
  const old = before === undefined ? undefined : readSecret(before);
  if (old?.ok && formatReference(old.value.connector) !== formatReference(secret.connector)) {
    throw new RequestError('INVALID_REQUEST', 'Cannot change secret manager after creation.');
  }
  const managerDocument = await findConnectorDocument(database, secret.connector);
  if (managerDocument === undefined) {
    throw new RequestError(
      'SECRET_MANAGEMENT_ERROR',
      `No such secret manager found with identifier ${formatReference(secret.connector)} in this scope.`,
    );
  }
  const connector: Connector = valid(readConnector(managerDocument));
  const template = await findTemplate(database, connector.template);
  checkSecretInputs(template?.columns.inputs ?? [], connector.inputs, secret.inputs, secret.valueIsEmpty);
  return save('secret', reference, before, secret.document, () => saveSecret(database, secret, now));
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
