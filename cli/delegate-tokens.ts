/** `legate delegate token`: what delegates show when they connect. */
import { Command } from 'commander';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { readDuration } from './durations.ts';
import { objects, text } from './json.ts';
import { type PlaceOptions, pathOf, placeOf, withPlace } from './place.ts';
import { UsageError } from './settings.ts';
import { table } from './table.ts';

type CreateFlags = PlaceOptions & {
  delegate?: string[];
  tag?: string[];
  from?: string[];
  expires?: string;
  renew?: boolean;
};

export function delegateTokenCommand(context: CommandContext): Command {
  const command = new Command('token').description('delegate tokens');
  command.addCommand(createCommand(context));
  command.addCommand(listCommand(context));
  command.addCommand(rotateCommand(context));
  command.addCommand(revokeCommand(context));
  return command;
}

function createCommand({ client, output }: CommandContext): Command {
  return withPlace(
    new Command('create')
      .description('make a token for delegates; it is shown once, on standard output')
      .argument('<name>', 'what the token is for')
      .option('--delegate <name...>', 'delegates must have one of these names (default: any name)')
      .option('--tag <tag...>', 'delegates may claim these tags only (default: any tag)')
      .option(
        '--from <network...>',
        'it counts at these addresses only, as in 10.0.0.0/8 (default: anywhere)',
      )
      .option('--expires <duration>', 'as in 90d (default: never)')
      .option('--renew', 'delegates with a token file replace it by themselves before it ends'),
  ).action(async (name: string, { delegate = [], tag, from, expires, renew, ...place }: CreateFlags) => {
    const expiresInMs = expires === undefined ? undefined : readDuration('--expires', expires);
    if (expiresInMs === 0)
      throw new UsageError('--expires must not be 0; leave it out for a token without end');
    if (renew === true && expiresInMs === undefined) throw new UsageError('--renew needs --expires');
    const made = await client().post('/delegate-tokens', {
      name,
      delegateNames: delegate,
      ...(tag === undefined ? {} : { tags: tag }),
      ...(from === undefined ? {} : { networks: from }),
      ...(expiresInMs === undefined ? {} : { expiresInMs }),
      ...(renew === true ? { renews: true } : {}),
      ...placeOf(place),
    });
    output.err(`Token "${name}" made. It cannot be shown again; give it to a delegate as LEGATE_TOKEN_FILE.`);
    output.out(`${String(made.token)}\n`);
  });
}

function listCommand({ client, output }: CommandContext): Command {
  return new Command('list')
    .description('list the tokens that one administers, and which delegates use them')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { items } = await client().get('/delegate-tokens');
      if (json === true) return output.out(`${JSON.stringify(items, null, 2)}\n`);
      output.out(table(heading, objects(items).map(rowOf)));
    });
}

const heading = [
  ...['NAME', 'SCOPE', 'STATE', 'EXPIRES', 'LAST USED', 'PREVIOUS UNTIL', 'NAMES', 'TAGS', 'FROM'],
  ...['DELEGATES', 'ON PREVIOUS'],
];

function rowOf(token: Json): unknown[] {
  const { name, scope, state, expiresAt, lastUsedAt, previousUntil, renews } = token;
  const end = expiresAt === undefined ? 'never' : `${text(expiresAt)}${renews === true ? ', renews' : ''}`;
  const { delegateNames, tags, networks, delegates, delegatesOnPrevious } = token;
  const facts = [name, scope, state, end, lastUsedAt ?? 'never', previousUntil];
  return [...facts, delegateNames, tags, networks, delegates, delegatesOnPrevious];
}

function rotateCommand({ client, output }: CommandContext): Command {
  return new Command('rotate')
    .description(
      'make a new one of a token, shown once; the one before counts for a while after its first use',
    )
    .argument('<name>')
    .option('--overlap <duration>', 'for how long the one before counts then; 0: no more', '24h')
    .option('--in-place', 'delegates with a token file make and keep a new one themselves')
    .action(async (name: string, { overlap, inPlace }: { overlap: string; inPlace?: boolean }) => {
      const overlapMs = readDuration('--overlap', overlap);
      const path = pathOf('delegate-tokens', name, '/rotate');
      const made = await client().post(path, { overlapMs, ...(inPlace === true ? { inPlace } : {}) });
      if (inPlace === true) return showReplacements(name, made, output);
      const after = overlap === '0' ? 'until' : `until ${overlap} after`;
      output.err(
        `Token "${name}" has a new one. It cannot be shown again; the one before counts ${after} its first use.`,
      );
      output.out(`${String(made.token)}\n`);
    });
}

function showReplacements(name: string, made: Json, output: CommandContext['output']): void {
  const delegates = objects(made.delegates);
  for (const { delegate, instance, outcome, reason } of delegates) {
    const why = reason === undefined ? '' : `: ${text(reason)}`;
    output.out(`${text(delegate)} (${text(instance)}) ${text(outcome)}${why}\n`);
  }
  output.err(
    delegates.length === 0
      ? `No delegate is connected with the token "${name}"; those that come are asked to replace it.`
      : `Delegates of the token "${name}" that come later, or have not answered, are asked again.`,
  );
  // What cannot be done there has to be done by hand.
  if (delegates.some(({ outcome }) => outcome !== 'replaced')) process.exitCode = 1;
}

function revokeCommand({ client, output }: CommandContext): Command {
  return new Command('revoke')
    .description('end a token for good, and cut off its delegates at once')
    .argument('<name>')
    .option('--drain [duration]', 'let them finish what runs first, at most for so long (default: 10m)')
    .action(async (name: string, { drain }: { drain?: string | true }) => {
      const duration = drain === true ? '10m' : drain;
      const query = duration === undefined ? '' : `?drainMs=${readDuration('--drain', duration)}`;
      await client().delete(pathOf('delegate-tokens', name, query));
      const delegates = duration === undefined ? 'are cut off' : `finish what runs, at most for ${duration}`;
      output.err(`Token "${name}" is revoked; its delegates ${delegates}.`);
    });
}
