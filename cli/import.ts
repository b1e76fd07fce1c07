/** `legate import`: a folder of Harness YAML, as much of it as can be taken, and a report of the rest. */
import { writeApplied } from './apply.ts';
import { ApiError, type Client } from './client.ts';
import { object, text } from './json.ts';
import { printable } from './printable.ts';
import { UsageError } from './settings.ts';
import { beside, fileOf, isInside, readSources, type Source, withFiles } from './sources.ts';
import { type FoundDocument, findDocuments } from './yaml.ts';

/** Something was left out. */
const leftOut = 3;

/** None: the kind has no types. */
const types: Readonly<Record<string, readonly string[]>> = {
  template: ['SecretManager'],
  connector: ['CustomSecretManager'],
  secret: ['SecretText', 'SecretFile', 'SSHKey'],
  application: [],
};

interface Report {
  readonly where: string;
  readonly reason: string;
}

/** A document that may be taken, and where it is. */
interface Candidate {
  readonly source: Source;
  readonly document: FoundDocument;
  readonly where: string;
}

export interface ImportOptions {
  readonly dryRun: boolean;
  /** Run the connection tests of connectors. */
  readonly test: boolean;
}

/** Imports what can be taken. Resolves with the exit code. */
export async function importFolder(
  client: Client,
  folder: string,
  { dryRun, test }: ImportOptions,
  write: (text: string) => void,
): Promise<number> {
  const reports: Report[] = [];
  const notes: Report[] = [];
  let candidates: Candidate[] = [];
  for (const source of readSources(folder)) {
    const found = findDocuments(source.text);
    if (!found.ok) reports.push(...found.problems.map(reason => ({ where: source.name, reason })));
    for (const document of found.ok ? found.documents : []) {
      const where = `${source.name}:${document.line}`;
      const reason = whyNot(document.data) ?? fileProblem(folder, source, document.data);
      if (reason === undefined) candidates.push({ source, document, where });
      else reports.push({ where, reason });
      const note = noteOn(document.data);
      if (reason === undefined && note) notes.push({ where, reason: note });
    }
  }
  // A document that is refused is left out, and with it, in the next round, what refers to it.
  while (candidates.length > 0) {
    const sources = sourcesOf(candidates);
    try {
      let answer = await client.post('/apply', { sources, dryRun: true, skipTests: true });
      if (!dryRun) answer = await client.post('/apply', { sources, dryRun: false, skipTests: !test });
      writeApplied(answer.applied, { dryRun }, write);
      break;
    } catch (error) {
      const refused = error instanceof ApiError ? refusedBy(error, candidates) : [];
      if (refused.length === 0) throw error;
      reports.push(...refused);
      const places = new Set(refused.map(({ where }) => where));
      candidates = candidates.filter(({ where }) => !places.has(where));
      notes.splice(0, notes.length, ...notes.filter(({ where }) => !places.has(where)));
    }
  }
  if (notes.length > 0) write(`\nImported, with a limit:\n${linesOf(notes)}`);
  if (reports.length > 0) write(`\nNot imported:\n${linesOf(reports)}`);
  write(
    `\n${count(candidates.length, 'document')} ${dryRun ? 'can be imported' : 'imported'}, ` +
      `${reports.length === 0 ? 'nothing' : new Set(reports.map(({ where }) => where)).size} left out.\n`,
  );
  if (!test && !dryRun && candidates.some(({ document }) => 'connector' in object(document.data)))
    write('Connections were not tested; legate connector test REFERENCE does it.\n');
  return reports.length > 0 ? leftOut : 0;
}

/** Why a document is not for us, by its kind and type. */
function whyNot(data: unknown): string | undefined {
  if (Array.isArray(data)) return 'a list; only templates, connectors and secrets can be imported';
  const keys = Object.keys(object(data));
  const [kind = ''] = keys;
  const known = Object.hasOwn(types, kind) ? types[kind] : undefined;
  if (keys.length !== 1 || !known) {
    const what = keys.length === 0 ? 'no object' : `a document with the key${keys.length > 1 ? 's' : ''} `;
    return `${what}${keys.slice(0, 10).join(', ')}; only templates, connectors and secrets can be imported`;
  }
  const type = text(object(object(data)[kind]).type);
  if (known.length === 0 || known.includes(type)) return undefined;
  return `a ${kind} of type ${type || '(none)'} is not supported; only ${known.join(', ')} is`;
}

/** Files of others are read only where they belong to what is imported. */
function fileProblem(folder: string, source: Source, data: unknown): string | undefined {
  const path = fileOf(data);
  if (path === undefined) return undefined;
  try {
    return isInside(folder, beside(source, path))
      ? undefined
      : `its file ${path} is not in the folder; apply it by itself if that is right`;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

function noteOn(data: unknown): string | undefined {
  const auth = object(object(object(object(data).secret).spec).auth);
  return auth.type === 'Kerberos' ? 'a Kerberos login is kept, but no script can use it yet' : undefined;
}

/** The sources with nothing in them but these documents, each on its own line still. */
function sourcesOf(candidates: readonly Candidate[]): Source[] {
  const bySource = Map.groupBy(candidates, ({ source }) => source);
  return [...bySource].map(([source, kept]) => {
    const found = findDocuments(source.text);
    let rest = source.text;
    for (const { range } of found.ok ? found.documents : []) {
      if (kept.some(({ document }) => document.range[0] === range[0])) continue;
      const blank = rest.slice(...range).replaceAll(/[^\r\n]/g, ' ');
      rest = rest.slice(0, range[0]) + blank + rest.slice(range[1]);
    }
    return withFiles({ ...source, text: rest });
  });
}

/** What the control plane refused, by document; a file whose YAML it does not take goes as a whole. */
function refusedBy({ problems }: ApiError, candidates: readonly Candidate[]): Report[] {
  return problems.flatMap(problem =>
    candidates.flatMap(({ where, source }) => {
      if (problem.startsWith(`${where}: `)) return [{ where, reason: problem.slice(where.length + 2) }];
      if (problem.startsWith(`${source.name}: `))
        return [{ where, reason: problem.slice(source.name.length + 2) }];
      return [];
    }),
  );
}

const linesOf = (reports: readonly Report[]) =>
  reports.map(({ where, reason }) => `  ${printable(`${where}: ${reason}`)}\n`).join('');

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
