/** The `legate` program: every command, and how each ends. */
import { writeSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { agentCommand } from '../agent/command.ts';
import { serverCommand } from '../control-plane/command.ts';
import { apply, readSources } from './apply.ts';
import { ApiError, type Client, createClient } from './client.ts';
import { getSecret, type Output, testConnector } from './fetch.ts';
import { list, listable, showTemplate } from './lists.ts';
import { readClientSettings, UsageError } from './settings.ts';
import { cliVersion } from './version.ts';

const failed = 1;
const usageError = 2;

const output: Output = {
  out: bytes => writeAll(typeof bytes === 'string' ? Buffer.from(bytes) : bytes),
  err: line => process.stderr.write(`${line}\n`),
  isTerminal: process.stdout.isTTY === true,
};
const write = (text: string) => output.out(text);

/** Writes all of it before the process may end; a pipe takes a large value in several pieces. */
function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') continue;
      throw error;
    }
  }
}

/** Interrupting the command hangs up, which cancels the task on the delegate. */
function interruptible(): AbortSignal {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  return interrupted.signal;
}

const client = (): Client => createClient(readClientSettings());

const program = new Command('legate')
  .description('Gets a secret out of any store, through a delegate that runs a small script near it.')
  .version(cliVersion)
  .exitOverride()
  .configureHelp({ sortSubcommands: true });

program
  .command('apply')
  .description('create or change templates, connectors and secrets from YAML; all of them or none')
  .requiredOption('-f, --file <path...>', 'files, folders, or - for standard input')
  .option('--dry-run', 'check everything and say what would be done, without doing it')
  .action(async ({ file, dryRun }: { file: string[]; dryRun?: boolean }) => {
    await apply(client(), file.flatMap(readSources), dryRun === true, write);
  });

program
  .command('get')
  .description(`list ${listable.join(', ')}`)
  .argument('<kind>', listable.join(', '))
  .option('--json', 'as JSON')
  .action(async (kind: string, { json }: { json?: boolean }) => {
    if (!listable.includes(kind))
      throw new UsageError(`get: <kind> must be one of ${listable.join(', ')} (got "${kind}")`);
    await list(client(), kind, json === true, write);
  });

const secret = program.command('secret').description('secrets');
secret
  .command('get')
  .description('fetch a value: exactly its bytes on standard output')
  .argument('<reference>', 'as in account.db_password')
  .option('--json', 'value, task, delegate and duration as JSON')
  .option('--logs', "show the script's error output, secrets masked")
  .action(async (reference: string, { json, logs }: { json?: boolean; logs?: boolean }) => {
    const options = { json: json === true, logs: logs === true };
    process.exitCode = await getSecret(client(), reference, options, output, interruptible());
  });

const connector = program.command('connector').description('connectors (custom secret managers)');
connector
  .command('test')
  .description("run a connector's script with its own inputs; the value is not shown")
  .argument('<reference>', 'as in account.vault')
  .action(async (reference: string) => {
    process.exitCode = await testConnector(client(), reference, output, interruptible());
  });

const template = program.command('template').description('templates');
template
  .command('show')
  .description('show the script of a template version')
  .argument('<reference>', 'as in account.pass')
  .option('--compiled', 'the constant program that delegates run instead')
  .option('--version-label <label>', 'which version (default: the latest)')
  .action(async (reference: string, options: { compiled?: boolean; versionLabel?: string }) => {
    const { compiled, versionLabel } = options;
    const name = reference.includes('.') ? reference : `account.${reference}`;
    await showTemplate(client(), name, { compiled: compiled === true, versionLabel }, write);
  });

const token = program
  .command('delegate')
  .description('delegates')
  .command('token')
  .description('delegate tokens');
token
  .command('create')
  .description('make a token for delegates; it is shown once, on standard output')
  .argument('<name>', 'what the token is for')
  .option('--delegate <name...>', 'delegates must have one of these names (default: any name)')
  .action(async (name: string, { delegate }: { delegate?: string[] }) => {
    const made = await client().post('/delegate-tokens', { name, delegateNames: delegate ?? [] });
    output.err(`Token "${name}" made. It cannot be shown again; give it to a delegate as LEGATE_TOKEN_FILE.`);
    write(`${String(made.token)}\n`);
  });

program.addCommand(agentCommand());
program.addCommand(serverCommand());

// A usage error ends with 2, which commander leaves to its caller, for subcommands one by one.
const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];
for (const command of everyCommand(program)) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
  if (error instanceof UsageError) {
    output.err(`legate: ${error.message}`);
    return usageError;
  }
  if (error instanceof ApiError) {
    output.err(`legate: ${error.message}`);
    return failed;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    output.err('legate: interrupted; the fetch is cancelled');
    return 130;
  }
  // Whoever reads our output has seen enough, as `| head` does.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return failed;
  if (error instanceof Error && error.name === 'SealError') {
    output.err(`legate: the value is not what the delegate sealed: ${error.message}`);
    return failed;
  }
  throw error;
}
