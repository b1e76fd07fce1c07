/** `legate get`: what there is, as tables, JSON or YAML. */
import type { Client, Json } from './client.ts';
import { list, object, objects, text } from './json.ts';
import { pathOf, pathWith } from './place.ts';
import { type Place, UsageError } from './settings.ts';
import { table } from './table.ts';
import { toYaml } from './yaml.ts';

interface Kind {
  /** As the key of a document; none: there are no documents of it. */
  readonly document?: string;
  readonly columns: readonly string[];
}

const kinds: Readonly<Record<string, Kind>> = {
  templates: {
    document: 'template',
    columns: ['identifier', 'version', 'stable', 'inputs', 'updatedAt'],
  },
  connectors: {
    document: 'connector',
    columns: ['identifier', 'template', 'version', 'drifted', 'updatedAt'],
  },
  secrets: { document: 'secret', columns: ['identifier', 'type', 'connector', 'updatedAt'] },
  applications: { document: 'application', columns: ['identifier', 'name', 'environments'] },
  delegates: {
    columns: [
      'name',
      'scope',
      'state',
      'status',
      'since',
      'tags',
      'running',
      'capacity',
      'lastHeartbeatAt',
      'agentVersion',
      'versionNote',
    ],
  },
};

export const listable = Object.keys(kinds);
export const formats = ['table', 'json', 'yaml'];

export interface GetOptions {
  readonly output: string;
  readonly versionLabel?: string | undefined;
  /** Part of a template's name or identifier. */
  readonly search?: string | undefined;
}

/** A kind as people write it: one or many. Throws a `UsageError`. */
export function kindOf(command: string, word: string, among = listable): string {
  const kind = [word, `${word}s`].find(name => among.includes(name));
  if (kind !== undefined) return kind;
  throw new UsageError(`${command}: <kind> must be one of ${among.join(', ')} (got "${word}")`);
}

/** The kinds that have documents. */
export const documented = listable.filter(kind => kinds[kind]?.document !== undefined);

/** Writes what there is of one kind in a scope. */
export async function listKind(
  client: Client,
  kind: string,
  place: Place,
  { output, search }: GetOptions,
  write: (text: string) => void,
): Promise<void> {
  const { document, columns = [] } = kinds[kind] ?? {};
  if (output === 'yaml') {
    if (document === undefined) throw new UsageError(`get: there is no YAML of ${kind}; use -o json`);
    const { documents } = await client.get(pathWith('/export', { ...place }));
    const own = objects(documents).filter(item => item.kind === document);
    return write(own.map(item => toYaml(document, item.document)).join('---\n'));
  }
  const { items } = await client.get(pathWith(`/${kind}`, kind === 'delegates' ? {} : { ...place, search }));
  if (output === 'json') return write(`${JSON.stringify(items, null, 2)}\n`);
  const rows = objects(items).map(item => columns.map(column => shown(item[column])));
  write(table(columns.map(heading), rows));
}

/** Writes one entity: its document, or what the API says of it. */
export async function show(
  client: Client,
  kind: string,
  reference: string,
  place: Place,
  { output, versionLabel }: GetOptions,
  write: (text: string) => void,
): Promise<void> {
  const { document } = kinds[kind] ?? {};
  if (document === undefined) throw new UsageError(`get: there is no single one of ${kind}; list them`);
  if (versionLabel !== undefined && kind !== 'templates')
    throw new UsageError('get: --version-label is for templates');
  const found = await client.get(pathWith(pathOf(kind, reference), { ...place, versionLabel }));
  if (output === 'json') return write(`${JSON.stringify(found, null, 2)}\n`);
  if (output === 'yaml') return write(toYaml(document, found.document));
  const { document: _, script: __, program: ___, ...facts } = found;
  const rows = Object.entries(facts).map(([name, data]) => [heading(name), shown(data)]);
  write(table(['FIELD', 'VALUE'], rows));
}

/** Shows a template version: what it declares and its script, or the constant program it was compiled to. */
export async function showTemplate(
  client: Client,
  reference: string,
  {
    compiled,
    versionLabel,
    place,
  }: { readonly compiled: boolean; readonly versionLabel: string | undefined; readonly place: Place },
  write: (text: string) => void,
): Promise<void> {
  const shownTemplate = await client.get(
    pathWith(pathOf('templates', reference), { ...place, versionLabel }),
  );
  const program = object(shownTemplate.program);
  if (!compiled) {
    const versions = list(shownTemplate.versions).map(text).join(', ');
    const inputs = objects(shownTemplate.inputs);
    write(
      `# ${text(shownTemplate.reference)}, version ${text(shownTemplate.versionLabel)} (versions: ${versions})\n`,
    );
    write(`# inputs: ${inputs.map(inputText).join(', ')}\n`);
    write(`# digest of the compiled program: ${text(program.digest)}\n`);
  }
  write(`${text(compiled ? program.text : shownTemplate.script)}\n`);
}

const inputText = ({ label, fixed }: Json) => text(label) + (fixed === true ? ' (fixed)' : '');

/** `updatedAt` as UPDATED AT. */
const heading = (name: string) => name.replaceAll(/[A-Z]/g, ' $&').toUpperCase();

/** Whatever a cell may hold, as text. */
function shown(data: unknown): string {
  if (typeof data === 'boolean') return data ? 'yes' : '';
  if (Array.isArray(data)) return data.map(shown).join(', ');
  const { identifier, label } = object(data);
  return text(data) || text(identifier) || text(label);
}
