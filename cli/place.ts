/** `--org` and `--project`: the scope in which a command reads references. */
import type { Command } from 'commander';
import { type Place, readPlace } from './settings.ts';

export interface PlaceOptions {
  readonly org?: string;
  readonly project?: string;
}

/** Adds the two options to a command that takes references, or a scope. */
export function withPlace(command: Command): Command {
  return command
    .option('--org <org>', 'organisation [LEGATE_ORG]')
    .option('--project <project>', 'project of the organisation [LEGATE_PROJECT]');
}

/** The place as requests have it. */
export const placeOf = (options: PlaceOptions): Place => readPlace(options);

/** A path with what there is of these behind a `?`. */
export function pathWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, text] of Object.entries(query)) if (text !== undefined) given.set(name, text);
  return given.size > 0 ? `${path}?${given}` : path;
}

/** The path of one entity: a reference may hold slashes. */
export const pathOf = (kind: string, reference: string, rest = '') =>
  `/${kind}/${encodeURIComponent(reference)}${rest}`;
