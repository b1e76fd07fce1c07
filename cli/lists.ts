/** `legate get` and `legate template show`: what there is, as tables. */
import type { Client } from './client.ts';
import { printable } from './printable.ts';

const columns: Record<string, readonly string[]> = {
  templates: ['identifier', 'version', 'inputs', 'updatedAt'],
  connectors: ['identifier', 'template', 'version', 'updatedAt'],
  secrets: ['identifier', 'connector', 'updatedAt'],
  delegates: ['name', 'state', 'since', 'tags', 'running', 'capacity', 'agentVersion', 'instance'],
};

export const listable = Object.keys(columns);

/** Writes a table of what there is of one kind, or the JSON as the API has it. */
export async function list(
  client: Client,
  kind: string,
  json: boolean,
  write: (text: string) => void,
): Promise<void> {
  const { items } = await client.get(`/${kind}`);
  if (json) return write(`${JSON.stringify(items, null, 2)}\n`);
  const names = columns[kind] ?? [];
  const rows = (Array.isArray(items) ? items : []).map((item: Readonly<Record<string, unknown>>) => {
    const facts =
      typeof item.facts === 'object' && item.facts ? Object.fromEntries(Object.entries(item.facts)) : {};
    return names.map(name => printable(cell(facts[name] ?? item[name])));
  });
  const heading = names.map(name => name.replaceAll(/[A-Z]/g, ' $&').toUpperCase());
  write(table([heading, ...rows]));
}

/** Shows a template version: what it declares and its script, or the constant program it was compiled to. */
export async function showTemplate(
  client: Client,
  reference: string,
  options: { readonly compiled: boolean; readonly versionLabel: string | undefined },
  write: (text: string) => void,
): Promise<void> {
  const query = options.versionLabel ? `?versionLabel=${encodeURIComponent(options.versionLabel)}` : '';
  const shown = await client.get(`/templates/${encodeURIComponent(reference)}${query}`);
  const program: Readonly<Record<string, unknown>> =
    typeof shown.program === 'object' && shown.program
      ? Object.fromEntries(Object.entries(shown.program))
      : {};
  const text = options.compiled ? program.text : shown.script;
  if (!options.compiled) {
    const inputs: readonly { name?: unknown; fixed?: unknown }[] = Array.isArray(shown.inputs)
      ? shown.inputs
      : [];
    write(
      `# ${cell(shown.reference)}, version ${cell(shown.versionLabel)} (versions: ${cell(shown.versions)})\n`,
    );
    write(
      `# inputs: ${inputs.map(({ name, fixed }) => cell(name) + (fixed === undefined ? '' : ' (fixed)')).join(', ')}\n`,
    );
    write(`# digest of the compiled program: ${cell(program.digest)}\n`);
  }
  write(`${cell(text)}\n`);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows
    .map(
      row =>
        `${row
          .map((text, column) => text.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function cell(data: unknown): string {
  if (Array.isArray(data)) return data.map(cell).join(', ');
  return typeof data === 'string' || typeof data === 'number' ? String(data) : '';
}
