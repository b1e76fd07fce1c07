/** The program of the agent's image: `legate agent`, and nothing else. */
import { Command, CommanderError } from 'commander';
import { agentCommand } from './command.ts';
import { agentVersion } from './version.ts';

const program = new Command('legate').version(agentVersion).addCommand(agentCommand(), { isDefault: true });
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
