/** The commands that are about one kind of entity each. */
import { Command } from 'commander';
import { scanHostCommand } from '../agent/command.ts';
import type { CommandContext } from './context.ts';
import { delegateIssuerCommand } from './delegate-issuers.ts';
import { delegateTokenCommand } from './delegate-tokens.ts';
import { delegateCommands } from './delegates.ts';
import { readDuration } from './durations.ts';
import { explain } from './explain.ts';
import { getSecret, testConnector, testSecret, testTemplate } from './fetch.ts';
import { listKind, showTemplate } from './lists.ts';
import { type PlaceOptions, placeOf, withPlace } from './place.ts';
import { UsageError } from './settings.ts';
import { acceptContent, diffTemplate, setStable } from './templates.ts';

type Versions = PlaceOptions & { from?: string; to?: string };

/** `interruptible` gives a signal that is aborted when the person at the terminal has had enough. */
export function entityCommands(context: CommandContext, interruptible: () => AbortSignal): Command[] {
  return [
    secretCommand(context, interruptible),
    explainCommand(context),
    connectorCommand(context, interruptible),
    templateCommand(context, interruptible),
    delegateCommand(context),
  ];
}

type TemplateTestFlags = PlaceOptions & { input?: string[]; selector?: string[]; versionLabel?: string };

function readInput(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError('--input must be NAME=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
}

type SecretFlags = PlaceOptions & {
  json?: boolean;
  logs?: boolean;
  fresh?: boolean;
  application?: string;
  environment?: string;
  wait?: string;
};

function secretCommand({ client, output }: CommandContext, interruptible: () => AbortSignal): Command {
  const command = new Command('secret').description('secrets');
  withPlace(
    command
      .command('get')
      .description('fetch a value: exactly its bytes on standard output')
      .argument('<reference>', 'as in account.db_password'),
  )
    .option('--json', 'value, task, delegate and duration as JSON')
    .option('--logs', "show the script's error output, secrets masked")
    .option('--fresh', 'run the script for this fetch, whatever value is kept for the connector')
    .option('--application <id>', 'on behalf of this application, for a secret with a usage scope')
    .option('--environment <id>', 'and this environment of it')
    .option(
      '--wait <duration>',
      'wait so long for a delegate where none fits, as in 30s (default: fail at once)',
    )
    .action(
      async (
        reference: string,
        { json, logs, fresh, application, environment, wait, ...place }: SecretFlags,
      ) => {
        const waitMs = wait === undefined ? undefined : readDuration('--wait', wait);
        const flags = { json: json === true, logs: logs === true, fresh: fresh === true };
        const options = { ...flags, application, environment, waitMs };
        process.exitCode = await getSecret(
          client(),
          reference,
          { ...options, place: placeOf(place) },
          output,
          interruptible(),
        );
      },
    );
  withPlace(
    command
      .command('test')
      .description('run the script of a secret, for whether there is a value; it is not shown')
      .argument('<reference>', 'as in account.db_password'),
  ).action(async (reference: string, flags: PlaceOptions) => {
    process.exitCode = await testSecret(client(), reference, placeOf(flags), output, interruptible());
  });
  return command;
}

function explainCommand({ client, output }: CommandContext): Command {
  return withPlace(
    new Command('explain')
      .description('show how a secret would be fetched: the plan, its inputs, and each delegate with why not')
      .argument('<secret>', 'as in account.db_password'),
  )
    .option('--json', 'as JSON')
    .action(async (reference: string, flags: PlaceOptions & { json?: boolean }) =>
      explain(client(), reference, placeOf(flags), flags.json === true, output.out),
    );
}

function connectorCommand({ client, output }: CommandContext, interruptible: () => AbortSignal): Command {
  const command = new Command('connector').description('connectors (custom secret managers)');
  withPlace(
    command
      .command('test')
      .description("run a connector's script with its own inputs; the value is not shown")
      .argument('<reference>', 'as in account.vault'),
  ).action(async (reference: string, flags: PlaceOptions) => {
    process.exitCode = await testConnector(client(), reference, placeOf(flags), output, interruptible());
  });
  withPlace(
    command
      .command('accept')
      .description('go on with the content that the template version has now')
      .argument('<reference>', 'as in account.vault'),
  ).action(async (reference: string, flags: PlaceOptions) =>
    acceptContent(client(), reference, placeOf(flags), output.out),
  );
  return command;
}

function templateCommand({ client, output }: CommandContext, interruptible: () => AbortSignal): Command {
  const command = new Command('template').description('templates');
  const { out } = output;
  withPlace(
    command
      .command('test')
      .description('run a template version before there is a connector; the value is not shown')
      .argument('<reference>', 'as in account.pass'),
  )
    .option('--input <name=value...>', 'inputs that the template leaves open')
    .option('--selector <tag...>', 'delegates must have these tags')
    .option('--version-label <label>', 'which version (default: the stable one)')
    .action(async (reference: string, flags: TemplateTestFlags) => {
      const { input = [], selector = [], versionLabel, ...place } = flags;
      const request = {
        ...placeOf(place),
        ...(versionLabel === undefined ? {} : { versionLabel }),
        inputs: Object.fromEntries(input.map(readInput)),
        delegateSelectors: selector,
      };
      process.exitCode = await testTemplate(client(), reference, request, output, interruptible());
    });
  withPlace(
    command
      .command('show')
      .description('show the script of a template version')
      .argument('<reference>', 'as in account.pass'),
  )
    .option('--compiled', 'the constant program that delegates run instead')
    .option('--version-label <label>', 'which version (default: the stable one)')
    .action(
      async (reference: string, flags: PlaceOptions & { compiled?: boolean; versionLabel?: string }) => {
        const { compiled, versionLabel } = flags;
        const options = { compiled: compiled === true, versionLabel, place: placeOf(flags) };
        await showTemplate(client(), reference, options, out);
      },
    );
  withPlace(
    command
      .command('diff')
      .description('what one version does differently from another, and to which connectors that matters')
      .argument('<reference>', 'as in account.pass'),
  )
    .option('--from <label>', 'default: the stable version')
    .option('--to <label>', 'default: the latest version')
    .action(async (reference: string, { from, to, ...place }: Versions) =>
      diffTemplate(client(), reference, { from, to }, placeOf(place), out),
    );
  withPlace(
    command
      .command('search')
      .description('list templates with a part of their name or identifier')
      .argument('<text>', 'in any case'),
  )
    .option('--json', 'as JSON')
    .action(async (text: string, flags: PlaceOptions & { json?: boolean }) => {
      const format = flags.json === true ? 'json' : 'table';
      await listKind(client(), 'templates', placeOf(flags), { output: format, search: text }, out);
    });
  withPlace(
    command
      .command('stable')
      .description('say which version is meant where none is named')
      .argument('<reference>', 'as in account.pass'),
  )
    .requiredOption('--version-label <label>', 'the version')
    .action(async (reference: string, flags: PlaceOptions & { versionLabel: string }) =>
      setStable(client(), reference, flags.versionLabel, placeOf(flags), out),
    );
  return command;
}

function delegateCommand(context: CommandContext): Command {
  const command = new Command('delegate').description('delegates');
  for (const one of delegateCommands(context)) command.addCommand(one);
  command.addCommand(delegateTokenCommand(context));
  command.addCommand(delegateIssuerCommand(context));
  command.addCommand(scanHostCommand());
  return command;
}
