/** `legate server backup` and `legate server restore`: copies of a store that is a SQLite file. */
import { Command } from 'commander';
import { ConfigError, readConfig, serverFlags } from './config.ts';

const usageError = 2;
const failure = 1;

/** The command that copies the store while servers use it. */
export function backupCommand(): Command {
  return storeCommand('backup', 'copy the store into a new file, while the server runs').action(
    async (file: string, _flags: unknown, command: Command) =>
      run(command, async dataFolder => {
        const { backup } = await import('./store/backup.ts');
        const { migration, bytes } = backup(dataFolder, file);
        return [
          `wrote ${file} (${bytes} bytes, schema ${migration}), checked and on the disk`,
          'values are in it as they are in the store, encrypted; the key ring that opens them is not',
          'keep a copy of the key ring in another place than this file: docs/keys-and-backup.md',
        ];
      }),
  );
}

/** The command that puts a copy back while no server uses the store. */
export function restoreCommand(): Command {
  return storeCommand(
    'restore',
    'put a backup in the place of the store of a server that does not run',
  ).action(async (file: string, _flags: unknown, command: Command) =>
    run(command, async dataFolder => {
      const { restore } = await import('./store/restore.ts');
      const { migration, replaced } = restore(file, dataFolder, new Date().toISOString());
      return [
        `restored ${file} into ${dataFolder} (schema ${migration})`,
        replaced ? `the store that was there is kept as ${replaced}` : 'there was no store before',
        'the server needs a key ring that holds the keys of the time of the backup',
      ];
    }),
  );
}

function storeCommand(name: string, description: string): Command {
  const { flag, help, name: variable } = serverFlags.data;
  return new Command(name)
    .description(description)
    .argument('<file>', 'the backup')
    .option(flag, `${help} [${variable}]`);
}

async function run(
  command: Command,
  work: (dataFolder: string) => Promise<readonly string[]>,
): Promise<void> {
  const output = command.configureOutput();
  try {
    // Also those of the command above, which takes the same option.
    const { dataFolder, databaseUrl } = readConfig(command.optsWithGlobals());
    if (databaseUrl) {
      throw new ConfigError(
        'this is for a store in the data folder; for a Postgres, use its own pg_dump and pg_restore',
      );
    }
    for (const line of await work(dataFolder)) output.writeOut?.(`${line}\n`);
  } catch (error) {
    if (!(error instanceof Error) || !isForPeople(error)) throw error;
    output.writeErr?.(`legate server ${command.name()}: ${error.message}\n`);
    process.exitCode = error instanceof ConfigError ? usageError : failure;
  }
}

/** Ours, or one of the system's or SQLite's such as "no space left on device". */
function isForPeople(error: Error): boolean {
  const ours = ['BackupError', 'NewerStoreError', 'StoreInUseError'];
  return error instanceof ConfigError || ours.includes(error.name) || 'code' in error;
}
