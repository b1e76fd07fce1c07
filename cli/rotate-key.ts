/** `legate server key`: the key that values are encrypted with, of a server that runs. */
import { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { object, text, texts } from './json.ts';

export function encryptionKeyCommand({ client, output }: CommandContext): Command {
  const command = new Command('key').description('the key that values are encrypted with');
  command
    .command('rotate')
    .description('bring every value of a running server under a new key')
    .option('--no-new-key', 'the key ring has the new key in front already')
    .addHelpText('after', '\nIt asks the server at LEGATE_SERVER, with LEGATE_API_KEY.')
    .action(async ({ newKey }: { newKey: boolean }) => {
      const report = await client().post('/encryption-keys/rotate', { newKey });
      const resumed = report.resumed === true ? ' (it went on with a rotation that had not ended)' : '';
      output.out(
        `values are under ${text(report.primary)} now, ${text(report.rewrapped)} rewrapped${resumed}\n`,
      );
      for (const id of texts(report.dropped)) output.out(`${id} left the key ring\n`);
      for (const id of texts(report.removable)) output.out(`${id} can be removed from the key ring\n`);
      output.out('keep a copy of the new key ring away from the store\n');
      for (const [id, number] of Object.entries(object(report.left)))
        output.err(`${text(number)} values stay under ${id}: it is not in the ring, or they are damaged`);
    });
  return command;
}
