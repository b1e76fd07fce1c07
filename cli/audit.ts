/** `legate audit`: to read the audit trail, to verify it, and to compare a known value with it. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { UsageError } from './settings.ts';
import { table } from './table.ts';

const failed = 1;
/** What the control plane gives at once. */
const pageSize = 500;

interface ListOptions {
  readonly actor?: string;
  readonly subject?: string;
  readonly action?: string;
  readonly before?: string;
  readonly limit: string;
  readonly json?: boolean;
}

export function auditCommand({ client, output }: CommandContext): Command {
  const command = new Command('audit').description('the audit trail: who did what');

  command
    .command('list')
    .description('list records of scopes that one administers, the newest first')
    .option('--actor <key>', 'by this API key: its name or id')
    .option('--subject <reference>', 'about this, as in account.db_password or key/ci')
    .option('--action <action>', 'as in secret.fetch')
    .option('--before <number>', 'older than this record')
    .option('--limit <number>', 'at most so many', '50')
    .option('--json', 'whole records, one per line')
    .action(async (options: ListOptions) => {
      const { records, next } = await collect(path => client().get(path), options);
      if (options.json === true) output.out(records.map(record => `${JSON.stringify(record)}\n`).join(''));
      else output.out(table(heading, records.map(rowOf)));
      if (next !== undefined) output.err(`There may be older records: --before ${next}`);
    });

  command
    .command('verify')
    .description('check that every record is what was written, and none is missing')
    .option('--file', "check the server's LEGATE_AUDIT_FILE too")
    .option('--head <number:hash...>', 'records that verify printed before, which must still be there')
    .action(async ({ file, head = [] }: { file?: boolean; head?: string[] }) => {
      const query = new URLSearchParams();
      for (const text of head) query.append('head', text);
      if (file === true) query.set('file', 'true');
      const verified = await client().get(`/audit/verify?${query.toString()}`);
      for (const [place, result] of Object.entries(verified)) {
        const { ok, text } = describe(result);
        output.out(`${place}: ${text}\n`);
        if (!ok) process.exitCode = failed;
      }
    });

  command
    .command('fingerprint')
    .description('read a value from standard input, exactly its bytes as UTF-8, and print its fingerprint')
    .action(async () => {
      const { fingerprint } = await client().post('/audit/fingerprint', { value: readValue() });
      output.out(`${String(fingerprint)}\n`);
    });
  return command;
}

/** Asks for pages until there are enough records. */
export async function collect(
  get: (path: string) => Promise<Json>,
  { actor, subject, action, before, limit }: ListOptions,
): Promise<{ records: Json[]; next: number | undefined }> {
  if (!/^[1-9][0-9]{0,6}$/.test(limit))
    throw new UsageError(`--limit must be a whole number from 1 on (got "${limit.slice(0, 100)}")`);
  const records: Json[] = [];
  let next = before;
  do {
    const query = new URLSearchParams({
      limit: String(Math.min(pageSize, Number(limit) - records.length)),
    });
    for (const [name, text] of Object.entries({ actor, subject, action, before: next }))
      if (text !== undefined) query.set(name, text);
    const page = await get(`/audit?${query.toString()}`);
    if (Array.isArray(page.items)) records.push(...page.items);
    next = typeof page.next === 'number' ? String(page.next) : undefined;
  } while (next !== undefined && records.length < Number(limit));
  return { records, next: next === undefined ? undefined : Number(next) };
}

const heading = [
  'SEQ',
  'TIME',
  'TYPE',
  'ACTOR',
  'SOURCE',
  'ACTION',
  'SUBJECT',
  'OUTCOME',
  'REASON',
  'DELEGATE',
];

function rowOf({ actor, ...record }: Json): unknown[] {
  const { name }: Json = typeof actor === 'object' ? { ...actor } : {};
  const { seq, time, type, source, action, subject, outcome, reason, delegate } = record;
  return [seq, time, type, name, source, action, subject, outcome, reason, delegate];
}

function describe(result: unknown): { ok: boolean; text: string } {
  const { ok, count, head, fault }: Json = typeof result === 'object' ? { ...result } : {};
  const { seq, hash }: Json = typeof head === 'object' ? { ...head } : {};
  const { seq: place, reason }: Json = typeof fault === 'object' ? { ...fault } : {};
  if (ok === true)
    return { ok, text: `${String(count)} records are right; head ${String(seq)}:${String(hash)}` };
  return {
    ok: false,
    text: `broken at record ${String(place)}: ${String(reason)} (${String(count)} are right)`,
  };
}

function readValue(): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(0));
  } catch {
    throw new UsageError('standard input is not UTF-8 text');
  }
}
