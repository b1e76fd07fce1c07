/** `legate key`: API keys. */
import { Command } from 'commander';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { readDuration } from './durations.ts';
import { UsageError } from './settings.ts';
import { table } from './table.ts';

interface Grant {
  readonly role: string;
  readonly scope?: string;
  readonly connector?: string;
  readonly secret?: string;
}

/** Reads `ROLE[@SCOPE][:connector=REF][:secret=REF]`; what a role or reference may be is the control plane's to say. */
export function readGrant(text: string): Grant {
  const [head = '', ...narrowings] = text.split(':');
  const [role = '', scope, ...rest] = head.split('@');
  const grant: Record<string, string> = {};
  for (const narrowing of narrowings) {
    const [, field, reference] = /^(connector|secret)=(.+)$/.exec(narrowing) ?? [];
    if (field === undefined || reference === undefined || field in grant) throw wrongGrant(text);
    grant[field] = reference;
  }
  if (role === '' || scope === '' || rest.length > 0) throw wrongGrant(text);
  return { role, ...(scope === undefined ? {} : { scope }), ...grant };
}

const wrongGrant = (text: string) =>
  new UsageError(
    '--grant must be ROLE[@SCOPE][:connector=REFERENCE][:secret=REFERENCE], ' +
      `as in viewer or fetcher@org/payments:secret=db_password (got "${text.slice(0, 300)}")`,
  );

/** The other way round. */
function formatGrant(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const { role, scope, connector, secret }: Json = { ...data };
  const narrowing = Object.entries({ connector, secret }).flatMap(([field, reference]) =>
    typeof reference === 'string' ? [`:${field}=${reference}`] : [],
  );
  return `${String(role)}@${String(scope)}${narrowing.join('')}`;
}

export function keyCommand({ client, output }: CommandContext): Command {
  const command = new Command('key').description('API keys: who may do what');
  const pathOf = (name: string) => `/keys/${encodeURIComponent(name)}`;
  const show = (made: Json, said: string) => {
    output.err(`${said} It cannot be shown again.`);
    output.out(`${String(made.key)}\n`);
  };

  command
    .command('create')
    .description('make a key; it is shown once, on standard output')
    .argument('<name>', 'who or what the key is for')
    .requiredOption(
      '--grant <grant...>',
      'ROLE[@SCOPE]: viewer, editor, admin or fetcher, in account (default), org/ORG or org/ORG/PROJECT; ' +
        'a fetcher can be narrowed with :connector=REFERENCE and :secret=REFERENCE',
    )
    .option('--expires <duration>', 'as in 90d (default: never)')
    .action(async (name: string, { grant, expires }: { grant: string[]; expires?: string }) => {
      const body = { name, grants: grant.map(readGrant), ...lifetime(expires) };
      show(await client().post('/keys', body), `Key "${name}" made.`);
    });

  command
    .command('list')
    .description('list the keys that one administers')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { items } = await client().get('/keys');
      if (json === true) return output.out(`${JSON.stringify(items, null, 2)}\n`);
      output.out(table(heading, rowsOf(items)));
    });

  command
    .command('rotate')
    .description('make a new credential for a key; the one before counts during the overlap')
    .argument('<name>')
    .option('--overlap <duration>', 'for how long the one before counts; 0: no more', '24h')
    .option('--expires <duration>', 'when the new one ends (default: as long as the one before was made for)')
    .action(async (name: string, { overlap, expires }: { overlap: string; expires?: string }) => {
      const body = { overlapMs: readDuration('--overlap', overlap), ...lifetime(expires) };
      const until = overlap === '0' ? 'counts no more' : `counts for ${overlap}`;
      const made = await client().post(`${pathOf(name)}/rotate`, body);
      show(made, `Key "${name}" has a new credential; the one before ${until}.`);
    });

  command
    .command('revoke')
    .description('end a key at once and for good, with what it has running')
    .argument('<name>')
    .action(async (name: string) => {
      await client().delete(pathOf(name));
      output.err(`Key "${name}" is revoked.`);
    });
  return command;
}

function lifetime(expires: string | undefined): { expiresInMs?: number } {
  if (expires === undefined) return {};
  const expiresInMs = readDuration('--expires', expires);
  if (expiresInMs === 0) throw new UsageError('--expires must not be 0; leave it out for a key without end');
  return { expiresInMs };
}

const heading = ['NAME', 'STATE', 'GRANTS', 'EXPIRES', 'LAST USED', 'PREVIOUS UNTIL', 'CREATED BY'];

function rowsOf(items: unknown): unknown[][] {
  return (Array.isArray(items) ? items : []).map((item: Json) => {
    const grants = Array.isArray(item.grants) ? item.grants.map(formatGrant) : [];
    const { name, state, expiresAt, lastUsedAt, previousUntil, createdBy } = item;
    return [name, state, grants, expiresAt ?? 'never', lastUsedAt ?? 'never', previousUntil, createdBy];
  });
}
