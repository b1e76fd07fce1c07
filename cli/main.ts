/** The `legate` program: every command, and how each ends. */
import { writeSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { agentCommand } from '../agent/command.ts';
import { serverCommand } from '../control-plane/command.ts';
import { accountSettingsCommand } from './account-settings.ts';
import { auditCommand } from './audit.ts';
import { ApiError, createClient } from './client.ts';
import type { CommandContext } from './context.ts';
import { documentCommands } from './document-commands.ts';
import { entityCommands } from './entity-commands.ts';
import type { Output } from './fetch.ts';
import { keyCommand } from './keys.ts';
import { followEnvironment } from './network.ts';
import { encryptionKeyCommand } from './rotate-key.ts';
import { readClientSettings, UsageError } from './settings.ts';
import { cliVersion } from './version.ts';

const failed = 1;
const usageError = 2;

const output: Output = {
  out: bytes => writeAll(typeof bytes === 'string' ? Buffer.from(bytes) : bytes),
  err: line => process.stderr.write(`${line}\n`),
  isTerminal: process.stdout.isTTY === true,
};

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

const waiting = (seconds: number) =>
  output.err(`legate: too many requests; the control plane says to wait ${seconds} s`);
const context: CommandContext = {
  client() {
    followEnvironment();
    return createClient(readClientSettings(), { waiting });
  },
  output,
};

// Help is written without anybody waiting for it, and whoever reads it may have seen enough, as `| head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const program = new Command('legate')
  .description('Gets a secret out of any store, through a delegate that runs a small script near it.')
  .version(cliVersion)
  .configureHelp({ sortSubcommands: true });

const server = serverCommand();
server.addCommand(encryptionKeyCommand(context));
const commands = [
  ...documentCommands(context),
  ...entityCommands(context, interruptible),
  keyCommand(context),
  auditCommand(context),
  accountSettingsCommand(context),
  agentCommand(),
  server,
];
for (const command of commands) program.addCommand(command);

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
    if (error.problems.length < 2) output.err(`legate: ${error.message}`);
    else for (const line of ['legate: refused:', ...error.problems]) output.err(line);
    return failed;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    output.err('legate: interrupted; the fetch is cancelled');
    return 130;
  }
  // Whoever reads our output has seen enough, as `| head` does.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return failed;
  if (error instanceof Error && 'syscall' in error && error.syscall === 'write') {
    output.err(`legate: cannot write the output (${'code' in error ? String(error.code) : 'unknown error'})`);
    return failed;
  }
  if (error instanceof Error && error.name === 'SealError') {
    output.err(`legate: the value is not what the delegate sealed: ${error.message}`);
    return failed;
  }
  throw error;
}
