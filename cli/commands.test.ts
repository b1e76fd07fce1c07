/** The commands as a whole: documented, and with help that says what they do. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Command } from 'commander';
import { agentCommand } from '../agent/command.ts';
import { serverCommand } from '../control-plane/command.ts';
import { auditCommand } from './audit.ts';
import type { CommandContext } from './context.ts';
import { documentCommands } from './document-commands.ts';
import { entityCommands } from './entity-commands.ts';
import { keyCommand } from './keys.ts';
import { encryptionKeyCommand } from './rotate-key.ts';

const context: CommandContext = {
  client: () => assert.fail('nothing is run'),
  output: { out: () => {}, err: () => {}, isTerminal: false },
};
const server = serverCommand();
server.addCommand(encryptionKeyCommand(context));
const roots = [
  ...documentCommands(context),
  ...entityCommands(context, () => assert.fail('nothing is run')),
  keyCommand(context),
  auditCommand(context),
  agentCommand(),
  server,
];

/** The command and those below it, by what one types. */
function named(command: Command, above = 'legate'): [name: string, command: Command][] {
  const name = `${above} ${command.name()}`;
  return [[name, command], ...command.commands.flatMap(inner => named(inner, name))];
}
const all = roots.flatMap(root => named(root));

test('every command that does something is on the page of the commands', () => {
  const page = readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8');
  const doing = all.filter(([name, command]) => command.commands.length === 0 || name === 'legate server');
  assert.ok(doing.length > 20);
  for (const [name] of doing) assert.match(page, new RegExp(`\`${name}[ \`]`), name);
});

test('every command and option says in few words what it does', () => {
  for (const [name, command] of all) {
    assert.match(command.description(), /^\S.{5,110}$/, name);
    assert.doesNotMatch(command.description(), /\.$/, name);
    for (const { flags, description } of command.options)
      assert.match(description, /^\S/, `${name} ${flags}`);
  }
});

test('every command that takes a reference can be told in which scope to read it', () => {
  const taking = all.filter(([, command]) =>
    command.registeredArguments.some(argument => ['reference', 'secret'].includes(argument.name())),
  );
  assert.ok(taking.length > 8);
  for (const [name, command] of taking) {
    const options = command.options.map(({ long }) => long);
    assert.ok(options.includes('--org') && options.includes('--project'), name);
  }
});
