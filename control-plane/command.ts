/** The `legate server` command, and those below it that work on the store's files. */
import { Command } from 'commander';
import { backupCommand, restoreCommand } from './backup-command.ts';
import { ConfigError, readConfig, serverFlags } from './config.ts';

const usageError = 2;

export function serverCommand(): Command {
  const command = new Command('server').description('run the control plane');
  for (const { flag, name, help } of Object.values(serverFlags)) command.option(flag, `${help} [${name}]`);
  command.action(async (flags: Record<string, unknown>) => {
    try {
      const config = readConfig(flags);
      // Loaded only now: the other commands need not wait for all of the control plane.
      const { startServer } = await import('./main.ts');
      const server = await startServer(config);
      const stop = () => {
        process.off('SIGTERM', stop);
        process.off('SIGINT', stop);
        void server.close();
      };
      process.on('SIGHUP', () => {
        // A failure is an audit record that can't be written, which every request that needs one will say.
        void server.reopenFiles().catch(() => {});
      });
      process.on('SIGTERM', stop);
      process.on('SIGINT', stop);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      process.stderr.write(`legate server: ${error.message}\n`);
      process.exitCode = usageError;
    }
  });
  command.addCommand(backupCommand());
  command.addCommand(restoreCommand());
  return command;
}
