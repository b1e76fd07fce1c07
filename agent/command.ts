/** The `legate agent` command. */
import { Command } from 'commander';
import { leaveProcessOne } from './as-init.ts';
import { healthCommand } from './health-command.ts';
import { readSettings, SettingsError, settingDefinitions } from './settings.ts';

/** Exit code for a wrong flag or setting. */
const usageError = 2;

export function agentCommand(): Command {
  const command = new Command('agent')
    .description('run a delegate agent: connect to the control plane and run fetch tasks here')
    .option('--check', 'say whether the agent could start and reach the control plane, and exit');
  for (const { name, flag, help } of settingDefinitions) if (flag) command.option(flag, `${help} [${name}]`);
  command.addCommand(healthCommand());
  command.addHelpText('after', () => `\n${environmentHelp()}`);
  command.action(async (flags: Record<string, unknown>) => {
    process.exitCode = await start(flags);
  });
  return command;
}

/** `legate delegate scan-host`: what a delegate here would see of a host's keys, for a person to compare and pin. */
export function scanHostCommand(): Command {
  return new Command('scan-host')
    .description(
      "print a target host's keys as known_hosts lines, fingerprints on standard error; trusts nothing",
    )
    .argument('<host>', 'name or address, with :PORT where it is not 22')
    .action(async (host: string) => {
      const { printHostKeys } = await import('./ssh/scan-host.ts');
      const { HostError } = await import('./ssh/connection.ts');
      const note = (line: string) => process.stderr.write(`${line}\n`);
      try {
        await printHostKeys(host, line => process.stdout.write(`${line}\n`), note);
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        note(`legate delegate scan-host: ${error.message}`);
        process.exitCode = 1;
      }
    });
}

async function start(flags: Record<string, unknown>): Promise<number> {
  if (flags.check !== true) leaveProcessOne();
  try {
    const configured = readSettings(flags);
    // Loaded only now: whoever asks for a secret, or for help, need not wait for all of the agent.
    if (flags.check === true) {
      const { checkAgent } = await import('./check.ts');
      return await checkAgent(configured, line => process.stdout.write(`${line}\n`));
    }
    const { runAgent } = await import('./main.ts');
    return await runAgent({ ...configured, env: process.env });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`legate agent: ${error.message}\n`);
    return usageError;
  }
}

function environmentHelp(): string {
  const lines = settingDefinitions.map(({ name, flag, aliases, help }) => {
    const also = aliases?.length ? ` (also ${aliases.join(', ')})` : '';
    return `  ${name}${also}${flag ? '' : `\n      ${help}`}`;
  });
  return [
    'Each setting is taken from its flag, else from the environment, else from the settings file:',
    ...lines,
    '',
    'Exit codes: 0 stopped after finishing its tasks, 1 stopped with tasks cancelled, 2 wrong setting,',
    '3 token unknown, 4 name refused, 5 protocol version not supported, 6 token ended, 7 token revoked,',
    '8 tag refused, 9 address refused.',
  ].join('\n');
}
