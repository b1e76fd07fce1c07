/** `legate delete`: one entity, or all that files hold. */
import { ApiError, type Client } from './client.ts';
import { object, objects, text } from './json.ts';
import { pathOf, pathWith } from './place.ts';
import { type Place, UsageError } from './settings.ts';
import type { Source } from './sources.ts';
import { findDocuments } from './yaml.ts';

interface Doomed {
  readonly kind: string;
  readonly reference: string;
  readonly versionLabel?: string | undefined;
  /** Lower ones go first: what refers before what is referred to. */
  readonly rank: number;
}

/** Deletes one entity and writes a line for each thing that is gone. */
export async function deleteOne(
  client: Client,
  kind: string,
  reference: string,
  place: Place,
  versionLabel: string | undefined,
  write: (text: string) => void,
): Promise<void> {
  const path = pathWith(pathOf(kind, reference), { ...place, versionLabel });
  const { deleted } = await client.delete(path);
  for (const item of objects(deleted)) write(`${text(item.kind)} ${text(item.reference)} deleted\n`);
}

/** Deletes what the documents of files describe, each after what refers to it. What is not there is passed over. */
export async function deleteSources(
  client: Client,
  sources: readonly Source[],
  write: (text: string) => void,
): Promise<void> {
  let left = sources.flatMap(doomedIn).sort((a, b) => a.rank - b.rank);
  for (;;) {
    const refused: { item: Doomed; error: ApiError }[] = [];
    for (const item of left) {
      try {
        await deleteOne(client, item.kind, item.reference, {}, item.versionLabel, write);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (isNotThere(error)) write(`${nameOf(item)} is not there\n`);
        else refused.push({ item, error });
      }
    }
    const [first] = refused;
    if (!first) return;
    // A secret that was in use may be free now. When nothing went, nothing will.
    if (refused.length === left.length) throw first.error;
    left = refused.map(({ item }) => item);
  }
}

const isNotThere = ({ code, problems: [problem = ''] }: ApiError) =>
  code === 'RESOURCE_NOT_FOUND' ||
  /^No such secret manager found |^Secret with identifier \S+ does not exist in this scope$/.test(problem);

const nameOf = ({ kind, reference, versionLabel }: Doomed) =>
  `${kind.slice(0, -1)} ${reference}${versionLabel === undefined ? '' : `@${versionLabel}`}`;

function doomedIn({ name, text: yaml }: Source): Doomed[] {
  const found = findDocuments(yaml);
  if (!found.ok) throw new UsageError(`${name}: ${found.problems.join('\n')}`);
  return found.documents.map(({ data, line }) => {
    const [[kind, body] = []] = Object.entries(object(data));
    const document = object(body);
    const identifier = text(document.identifier);
    if (!kind || !['template', 'connector', 'secret', 'application'].includes(kind) || identifier === '')
      throw new UsageError(`${name}:${line}: not a template, connector, secret or application`);
    const org = text(document.orgIdentifier);
    const project = text(document.projectIdentifier);
    const scope = org === '' ? 'account.' : `org/${org}/${project === '' ? '' : `${project}/`}`;
    return {
      kind: `${kind}s`,
      reference: kind === 'application' ? identifier : scope + identifier,
      ...(kind === 'template' ? { versionLabel: text(document.versionLabel) } : {}),
      rank: rankOf(kind, document),
    };
  });
}

function rankOf(kind: string, { type, spec }: Readonly<Record<string, unknown>>): number {
  const manager = text(object(spec).secretManagerIdentifier);
  const isBuiltIn = manager === '' || /^((account|org)\.)?harnessSecretManager$/.test(manager);
  if (kind === 'secret' && type !== 'SSHKey' && !isBuiltIn) return 0;
  if (kind === 'secret') return type === 'SSHKey' ? 2 : 3;
  return kind === 'connector' ? 1 : kind === 'template' ? 4 : 5;
}
