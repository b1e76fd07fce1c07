/** From the texts of an `apply` to what is to be written: found, read and compiled, before the store is asked. */
import { limits } from '../protocol/index.ts';
import { inputPathProblems } from './check-values.ts';
import { type ApplicationSource, readApplication } from './documents/read-application.ts';
import { type ConnectorSource, readConnector } from './documents/read-connector.ts';
import { readSecret, type SecretSource } from './documents/read-secret.ts';
import { readTemplate, type TemplateSource } from './documents/read-template.ts';
import { type Kind, kinds } from './documents/schemas.ts';
import type { Checked } from './documents/validate.ts';
import { readYaml } from './documents/yaml.ts';
import type { TemplateVersion } from './domain/entities.ts';
import { type ErrorCode, RequestError } from './domain/errors.ts';
import { pathProblems } from './domain/spec-path.ts';
import type { Compile } from './template/compile.ts';

/** One file, or whatever else the text came from. */
export interface ApplySource {
  readonly name: string;
  readonly text: string;
  /** The files that its SecretFile documents name, by the path that is written there. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** A secret of the built-in manager brings its value along. */
export type NewSecret = SecretSource & { readonly value: Uint8Array | undefined };

/** What one document asks for. */
export type Wanted =
  | { readonly kind: 'template'; readonly entity: TemplateVersion }
  | { readonly kind: 'connector'; readonly entity: ConnectorSource }
  | { readonly kind: 'secret'; readonly entity: NewSecret }
  | { readonly kind: 'application'; readonly entity: ApplicationSource };

export type Placed = Wanted & {
  /** File and line. */
  readonly where: string;
};

// What is referred to comes before what refers to it, in whatever order the files are.
const order: readonly Kind[] = ['application', 'template', 'connector', 'secret'];

/** What is wrong with a document, its place included. */
export interface Problem {
  readonly code: ErrorCode;
  readonly text: string;
  /** A fault of ours behind it. */
  readonly cause?: unknown;
}

/**
 * A refusal becomes a problem of the document; the others are looked at all the same. What the caller may not do is
 * no problem of a document: it is the whole answer.
 */
export async function collected<T>(
  problems: Problem[],
  where: string,
  step: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { code, cause } = error;
    if (code === 'ACCESS_DENIED' || code === 'USER_NOT_AUTHORIZED') throw error;
    for (const problem of error.problems) problems.push({ code, text: `${where}: ${problem}`, cause });
    return undefined;
  }
}

/** One error for all of them; it has the code that they have in common. */
export function refusalOf(problems: readonly Problem[]): RequestError {
  const [code = 'INVALID_REQUEST', ...others] = new Set(problems.map(problem => problem.code));
  return new RequestError(
    others.length > 0 ? 'INVALID_REQUEST' : code,
    problems.map(({ text }) => text),
    problems.find(({ cause }) => cause !== undefined)?.cause,
  );
}

/** Reads all documents, and adds what is wrong to `problems`. Throws where there is none to look at. */
export async function readDocuments(
  sources: readonly ApplySource[],
  compile: Compile,
  problems: Problem[],
): Promise<Placed[]> {
  const placed: Placed[] = [];
  for (const { kind, where, data, files } of findDocuments(sources)) {
    const wanted = await collected(problems, where, () => read(kind, data, files, compile));
    if (wanted) placed.push({ ...wanted, where });
  }
  const ssh = (item: Placed) => item.kind === 'secret' && item.entity.type === 'SSHKey';
  // What scripts and credentials use is there before connectors are looked at; what is fetched comes after them.
  const rank = (item: Placed) =>
    item.kind === 'secret' && item.entity.connector === undefined
      ? ssh(item)
        ? 0.75
        : 0.5
      : order.indexOf(item.kind);
  return placed.sort((a, b) => rank(a) - rank(b));
}

interface Found {
  readonly kind: Kind;
  readonly where: string;
  readonly data: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

function findDocuments(sources: readonly ApplySource[]): Found[] {
  const problems: string[] = [];
  const found: Found[] = [];
  for (const { name, text, files = new Map<string, Uint8Array>() } of sources) {
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
        found.push({ kind: key, where, data: body, files });
      else
        problems.push(
          `${where}: a document must have exactly one key: template, connector, secret or application`,
        );
    }
  }
  if (problems.length === 0 && found.length === 0) problems.push('there is no document to apply');
  if (problems.length > 0) throw new RequestError('INVALID_REQUEST', problems);
  return found;
}

const isKind = (key: string): key is Kind => Object.hasOwn(kinds, key);

async function read(
  kind: Kind,
  data: unknown,
  files: ReadonlyMap<string, Uint8Array>,
  compile: Compile,
): Promise<Wanted> {
  switch (kind) {
    case 'template':
      return { kind, entity: await compiled(compile, valid(readTemplate(data))) };
    case 'connector':
      return { kind, entity: valid(readConnector(data)) };
    case 'secret':
      return { kind, entity: withValue(valid(readSecret(data)), files) };
    case 'application':
      return { kind, entity: valid(readApplication(data)) };
  }
}

/** Compiles a template's script; a template that can't be compiled is not saved. */
export async function compiled(compile: Compile, source: TemplateSource): Promise<TemplateVersion> {
  const { content } = source;
  const result = await compile(content.script, content.inputs, content.syntax);
  if (!result.ok) {
    throw new RequestError(
      'INVALID_REQUEST',
      result.problems.map(({ line, column, message }) => `script line ${line}, column ${column}: ${message}`),
    );
  }
  const { program } = result;
  const at = 'template.spec.source.spec.script';
  const paths = [
    ...program.slots.flatMap(slot => pathProblems(slot, content.spec)).map(problem => `${at}: ${problem}`),
    ...inputPathProblems(content.inputs, content.spec).map(problem => `template.spec: ${problem}`),
  ];
  if (paths.length > 0) throw new RequestError('INVALID_REQUEST', paths);
  if (program.text.length > limits.program)
    throw tooLarge(`${at}: the compiled program has more than ${limits.program} characters`);
  if (program.slots.length > limits.inputs)
    throw tooLarge(`${at}: at most ${limits.inputs} different expressions are possible`);
  return { ...source, content: { ...content, program } };
}

const tooLarge = (problem: string) => new RequestError('INVALID_REQUEST', problem);

function withValue(source: SecretSource, files: ReadonlyMap<string, Uint8Array>): NewSecret {
  const { content } = source;
  if (content === undefined) return { ...source, value: undefined };
  if (content.kind === 'text') return { ...source, value: Buffer.from(content.text) };
  const bytes = files.get(content.path);
  if (!bytes) {
    throw new RequestError(
      'INVALID_REQUEST',
      'secret.spec.file: the file was not sent along; apply it from where the file is, or use content',
    );
  }
  if (bytes.length === 0) throw new RequestError('INVALID_REQUEST', 'secret.spec.file: the file is empty');
  return { ...source, value: bytes };
}

function valid<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new RequestError(checked.code ?? 'INVALID_REQUEST', checked.problems);
  return checked.value;
}
