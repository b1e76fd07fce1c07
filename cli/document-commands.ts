/** The commands that are about documents: in, out, listed and gone. */
import { Command, Option } from 'commander';
import { type ApplyOptions, apply } from './apply.ts';
import type { CommandContext } from './context.ts';
import { deleteOne, deleteSources } from './delete.ts';
import { exportScope } from './export.ts';
import { importFolder } from './import.ts';
import { documented, formats, kindOf, listable, listKind, show } from './lists.ts';
import { type PlaceOptions, placeOf, withPlace } from './place.ts';
import { UsageError } from './settings.ts';
import { readSources } from './sources.ts';

type GetFlags = PlaceOptions & { output?: string; json?: boolean; versionLabel?: string };
type DeleteFlags = PlaceOptions & { file?: string[]; versionLabel?: string };

export function documentCommands({ client, output }: CommandContext): Command[] {
  const write = (text: string) => output.out(text);
  return [
    new Command('apply')
      .description('create or change templates, connectors, secrets and applications from YAML; all or none')
      .requiredOption('-f, --file <path...>', 'files, folders, or - for standard input')
      .option('--dry-run', 'check everything and say what would be done, without doing it')
      .option('--accept', 'move the connectors of a template version that changes, where everything fits')
      .option('--skip-tests', 'save connectors without their connection test')
      .action(async ({ file, ...options }: ApplyOptions & { file: string[] }) => {
        await apply(client(), file.flatMap(readSources), options, write);
      }),

    withPlace(
      new Command('get')
        .description('list what there is in a scope, or show one entity')
        .argument('<kind>', listable.join(', '))
        .argument('[reference]', 'as in account.vault'),
    )
      .addOption(
        new Option('-o, --output <format>', 'default: table for a list, yaml for one').choices(formats),
      )
      .option('--json', 'the same as -o json')
      .option('--version-label <label>', 'which version of a template (default: the stable one)')
      .action(async (word: string, reference: string | undefined, flags: GetFlags) => {
        const kind = kindOf('get', word);
        const format = flags.json === true ? 'json' : flags.output;
        const { versionLabel } = flags;
        if (reference === undefined)
          await listKind(client(), kind, placeOf(flags), { output: format ?? 'table' }, write);
        else
          await show(
            client(),
            kind,
            reference,
            placeOf(flags),
            { output: format ?? 'yaml', versionLabel },
            write,
          );
      }),

    withPlace(
      new Command('delete')
        .description('delete what nothing uses any more: one entity, or all that files hold')
        .argument('[kind]', documented.join(', '))
        .argument('[reference]', 'as in account.vault'),
    )
      .option('-f, --file <path...>', 'files, folders, or - for standard input, instead of a reference')
      .option('--version-label <label>', 'only this version of a template (default: all versions)')
      .action(async (kind: string | undefined, reference: string | undefined, flags: DeleteFlags) => {
        const { file, versionLabel } = flags;
        if (file !== undefined && kind === undefined)
          return deleteSources(client(), file.flatMap(readSources), write);
        if (file !== undefined || kind === undefined || reference === undefined)
          throw new UsageError('delete: give a kind and a reference, or files with -f');
        const name = kindOf('delete', kind, documented);
        if (versionLabel !== undefined && name !== 'templates')
          throw new UsageError('delete: --version-label is for templates');
        await deleteOne(client(), name, reference, placeOf(flags), versionLabel, write);
      }),

    withPlace(new Command('export').description('write the documents of a scope, to be applied again'))
      .option('--recursive', 'with the scopes below')
      .option('-o, --output <folder>', 'a file per document below this folder (default: standard output)')
      .action(async (flags: PlaceOptions & { recursive?: boolean; output?: string }) => {
        const options = { recursive: flags.recursive === true, folder: flags.output };
        await exportScope(client(), placeOf(flags), options, { out: write, err: output.err });
      }),

    new Command('import')
      .description('apply a folder of Harness YAML as far as it is supported, and report the rest by line')
      .argument('<folder>', 'the folder; all YAML files in it and below')
      .option('--dry-run', 'only say what would be imported')
      .option('--test', 'run the connection tests of connectors')
      .addHelpText('after', '\nThe exit code is 3 when something was left out.')
      .action(async (folder: string, flags: { dryRun?: boolean; test?: boolean }) => {
        const options = { dryRun: flags.dryRun === true, test: flags.test === true };
        process.exitCode = await importFolder(client(), folder, options, write);
      }),
  ];
}
