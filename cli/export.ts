/** `legate export`: the documents of a scope, to standard output or into a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from './client.ts';
import { objects, text } from './json.ts';
import { pathWith } from './place.ts';
import { type Place, UsageError } from './settings.ts';
import { toYaml } from './yaml.ts';

export interface ExportOptions {
  /** With the scopes below. */
  readonly recursive: boolean;
  /** A file per document goes here; undefined: everything is written as one stream. */
  readonly folder: string | undefined;
}

/** Writes the documents, and says what an export can't hold. */
export async function exportScope(
  client: Client,
  place: Place,
  { recursive, folder }: ExportOptions,
  { out, err }: { readonly out: (text: string) => void; readonly err: (line: string) => void },
): Promise<void> {
  const answer = await client.get(
    pathWith('/export', { ...place, ...(recursive ? { recursive: 'true' } : {}) }),
  );
  const documents = objects(answer.documents).map(item => ({
    kind: text(item.kind),
    reference: text(item.reference),
    yaml: toYaml(text(item.kind), item.document),
    valueLeftOut: item.valueLeftOut === true,
  }));
  if (folder === undefined) out(documents.map(({ yaml }) => yaml).join('---\n'));
  else for (const { kind, reference, yaml } of documents) save(join(folder, fileOf(kind, reference)), yaml);
  if (folder !== undefined) err(`Wrote ${documents.length} files below ${folder}.`);
  const values = documents.filter(({ valueLeftOut }) => valueLeftOut).map(({ reference }) => reference);
  if (values.length > 0) {
    err(`Values are never given out, so these are without theirs: ${values.join(', ')}.`);
    err('Applied here they keep the value that is there; elsewhere give value, content or file first.');
  }
  for (const { kind, reference, reason } of objects(answer.leftOut))
    err(`Not exported: ${text(kind)} ${text(reference)}, as ${text(reason)}.`);
}

/** As in `account/templates/pass@1.0.yaml` and `org/payments/demo/secrets/db.yaml`. */
function fileOf(kind: string, reference: string): string {
  if (kind === 'application')
    return join('account', 'applications', fileName(reference.replace(/^application\//, '')));
  const at = reference.lastIndexOf('/', reference.includes('@') ? reference.indexOf('@') : undefined);
  const [scope, name] =
    at === -1
      ? ['account', reference.replace(/^account\./, '')]
      : [reference.slice(0, at), reference.slice(at + 1)];
  return join(...scope.split('/').map(encodeURIComponent), `${kind}s`, fileName(name));
}

const fileName = (name: string) => `${encodeURIComponent(name).replaceAll('%40', '@')}.yaml`;

function save(path: string, yaml: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, yaml);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unwritable';
    throw new UsageError(`cannot write ${path} (${code})`);
  }
}
