/** `legate settings`: what an administrator may switch for the whole account. */
import { Argument, Command } from 'commander';
import type { CommandContext } from './context.ts';
import { objects, text } from './json.ts';
import { table } from './table.ts';

export function accountSettingsCommand({ client, output }: CommandContext): Command {
  const command = new Command('settings').description('settings of the account');
  command
    .command('list')
    .description('what is on and what is off')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { items } = await client().get('/settings');
      if (json === true) return output.out(`${JSON.stringify(items, null, 2)}\n`);
      const rows = objects(items).map(item => [text(item.name), text(item.value), text(item.meaning)]);
      output.out(table(['NAME', 'VALUE', 'MEANING'], rows));
    });
  command
    .command('set')
    .description('switch one; for the whole account, and at once')
    .argument('<name>', 'as in test-on-save')
    .addArgument(new Argument('<value>').choices(['on', 'off']))
    .action(async (name: string, value: string) => {
      const changed = await client().post(`/settings/${encodeURIComponent(name)}`, { value });
      output.err(`${text(changed.name)} is ${text(changed.value)} now.`);
    });
  return command;
}
