/** The `legate server` command. */
import { Command } from 'commander';
import { ConfigError, readConfig, serverFlags } from './config.ts';
import { startServer } from './main.ts';

const usageError = 2;

export function serverCommand(): Command {
  const command = new Command('server').description('run the control plane');
  for (const { flag, name, help } of Object.values(serverFlags)) command.option(flag, `${help} [${name}]`);
  command.action(async (flags: Record<string, unknown>) => {
    try {
      const server = await startServer(readConfig(flags));
      const stop = () => {
        process.off('SIGTERM', stop);
        process.off('SIGINT', stop);
        void server.close();
      };
      process.on('SIGTERM', stop);
      process.on('SIGINT', stop);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      process.stderr.write(`legate server: ${error.message}\n`);
      process.exitCode = usageError;
    }
  });
  return command;
}
