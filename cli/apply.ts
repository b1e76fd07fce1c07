/** `legate apply`: files to the control plane. */
import type { Client, Json } from './client.ts';
import { object, objects, text, texts } from './json.ts';
import { printable } from './printable.ts';
import { type Source, withFiles } from './sources.ts';

export interface ApplyOptions {
  readonly dryRun?: boolean;
  /** Move the connectors of template versions that change. */
  readonly accept?: boolean;
  /** Save connectors without their connection test. */
  readonly skipTests?: boolean;
}

/** Applies the sources and writes a line per document, and one per connector that a changed template affects. */
export async function apply(
  client: Client,
  sources: readonly Source[],
  options: ApplyOptions,
  write: (line: string) => void,
): Promise<void> {
  const { applied } = await client.post('/apply', { sources: sources.map(withFiles), ...options });
  writeApplied(applied, options, write);
}

/** The lines for an answer of `/apply`. */
export function writeApplied(
  applied: unknown,
  { dryRun = false }: ApplyOptions,
  write: (line: string) => void,
): void {
  for (const item of objects(applied)) {
    write(`${text(item.kind)} ${text(item.reference)} ${text(item.change)}${dryRun ? ' (dry run)' : ''}\n`);
    for (const affected of objects(item.affected)) {
      const what = affected.accepted === true ? 'moved to the new content' : 'stays with the older content';
      write(`  connector ${text(affected.connector)} ${what}: ${describeAffected(affected)}\n`);
      for (const problem of texts(affected.problems)) write(`    it would not fit: ${printable(problem)}\n`);
    }
  }
}

/** What changes for a connector, in words. */
export function describeAffected(data: unknown): string {
  const affected: Json = object(data);
  const parts = affected.scriptChanged === true ? ['another script'] : [];
  for (const what of ['added', 'removed', 'changed']) {
    const names = texts(affected[what]);
    if (names.length > 0) parts.push(`inputs ${what}: ${names.join(', ')}`);
  }
  if (parts.length === 0) parts.push('another spec');
  const secrets = texts(affected.secrets);
  if (secrets.length > 0) parts.push(`its secrets: ${secrets.join(', ')}`);
  return printable(parts.join('; '));
}
