/** `legate delegate issuer`: whose JWTs let delegates in without a token of ours. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { object, objects, texts } from './json.ts';
import { type PlaceOptions, pathOf, placeOf, withPlace } from './place.ts';
import { UsageError } from './settings.ts';
import { table } from './table.ts';

type CreateFlags = PlaceOptions & {
  issuer: string;
  audience: string;
  claim?: string[];
  anyHolder?: boolean;
  algorithm?: string[];
  jwksUrl?: string;
  jwksFile?: string;
  caFile?: string;
  delegate?: string[];
  tag?: string[];
  from?: string[];
};

export function delegateIssuerCommand(context: CommandContext): Command {
  const command = new Command('issuer').description(
    'trusted issuers, whose JWTs let delegates in without a token',
  );
  command.addCommand(createCommand(context));
  command.addCommand(listCommand(context));
  command.addCommand(deleteCommand(context));
  return command;
}

function createCommand({ client, output }: CommandContext): Command {
  return withPlace(
    new Command('create')
      .description('let delegates in with JWTs of this issuer, as of a Kubernetes cluster')
      .argument('<name>', 'what the issuer is for')
      .requiredOption('--issuer <url>', 'the "iss" of its JWTs, exactly')
      .requiredOption('--audience <audience>', 'what must be in their "aud"')
      .option('--claim <name=value...>', 'a claim, or a JSON pointer into one, that must have this value')
      .option('--any-holder', 'let in whoever holds such a JWT, whatever its claims')
      .option('--algorithm <name...>', 'what may sign them (default: RS256 ES256 EdDSA)')
      .option('--jwks-url <url>', 'where its keys are (default: as OpenID Connect discovery says)')
      .option('--jwks-file <file>', 'its keys themselves, where the control plane cannot fetch them')
      .option('--ca-file <file>', 'certificates that are trusted where its keys are fetched')
      .option('--delegate <name...>', 'delegates must have one of these names (default: any name)')
      .option('--tag <tag...>', 'delegates may claim these tags only (default: any tag)')
      .option('--from <network...>', 'they count at these addresses only (default: anywhere)'),
  ).action(async (name: string, flags: CreateFlags) => {
    const { issuer, audience, claim, anyHolder, algorithm, jwksUrl, jwksFile, caFile } = flags;
    const { delegate, tag, from } = flags;
    await client().post('/delegate-issuers', {
      ...{ name, issuer, audience },
      ...(claim === undefined ? {} : { claims: readClaims(claim) }),
      ...(anyHolder === true ? { anyHolder } : {}),
      ...(algorithm === undefined ? {} : { algorithms: algorithm }),
      ...(jwksUrl === undefined ? {} : { jwksUrl }),
      ...(jwksFile === undefined ? {} : { jwks: readText('--jwks-file', jwksFile) }),
      ...(caFile === undefined ? {} : { ca: readText('--ca-file', caFile) }),
      ...(delegate === undefined ? {} : { delegateNames: delegate }),
      ...(tag === undefined ? {} : { tags: tag }),
      ...(from === undefined ? {} : { networks: from }),
      ...placeOf(flags),
    });
    output.err(`Issuer "${name}" is trusted. Give its JWT to a delegate as LEGATE_TOKEN_FILE.`);
  });
}

/** A name that is there more than once may have any of its values. */
function readClaims(given: readonly string[]): Record<string, string[]> {
  const claims = new Map<string, string[]>();
  for (const text of given) {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`--claim must be NAME=VALUE, as in sub=system:serviceaccount:vault:legate`);
    claims.set(name, [...(claims.get(name) ?? []), value]);
  }
  return Object.fromEntries(claims);
}

function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`${flag}: cannot read ${path} (${code})`);
  }
}

function listCommand({ client, output }: CommandContext): Command {
  return new Command('list')
    .description('list the trusted issuers that one administers, and which delegates they let in')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { items } = await client().get('/delegate-issuers');
      if (json === true) return output.out(`${JSON.stringify(items, null, 2)}\n`);
      output.out(table(heading, objects(items).map(rowOf)));
    });
}

const heading = [
  ...['NAME', 'SCOPE', 'ISSUER', 'AUDIENCE', 'CLAIMS', 'KEYS', 'ALGORITHMS', 'NAMES', 'TAGS', 'FROM'],
  'DELEGATES',
];

function rowOf(issuer: Json): unknown[] {
  const { name, scope, audience, algorithms, delegateNames, tags, networks, delegates } = issuer;
  const claims = Object.entries(object(issuer.claims)).map(
    ([claim, values]) => `${claim}=${texts(values).join('|')}`,
  );
  const keys = issuer.jwks === undefined ? (issuer.jwksUrl ?? 'discovery') : 'given';
  const bounds = [delegateNames, tags, networks, delegates];
  return [name, scope, issuer.issuer, audience, claims, keys, algorithms, ...bounds];
}

function deleteCommand({ client, output }: CommandContext): Command {
  return new Command('delete')
    .description('trust an issuer no more, and cut off its delegates at once')
    .argument('<name>')
    .action(async (name: string) => {
      await client().delete(pathOf('delegate-issuers', name));
      output.err(`Issuer "${name}" is trusted no more; its delegates are cut off.`);
    });
}
