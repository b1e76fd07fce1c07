/** What one version of a template does differently from another one, and to whom that would matter. */
import { createTwoFilesPatch, OMIT_HEADERS } from 'diff';
import { visible } from './access/authorize.ts';
import { type DeclaredInput, diffInputs, inputLabel } from './domain/inputs.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { noSuchTemplate } from './load.ts';
import { type Affected, affectedBy } from './reconcile.ts';
import type { Database } from './store/database.ts';
import { findTemplate, versionLabels } from './store/templates.ts';

/** An input as its template declares it. */
export interface ShownInput {
  readonly label: string;
  readonly type: DeclaredInput['type'];
  /** As it was written. */
  readonly value: string;
}

export interface TemplateDifference {
  readonly reference: string;
  readonly from: string;
  readonly to: string;
  /** The scripts' unified diff; empty: they are the same. */
  readonly script: string;
  readonly inputs: {
    readonly added: readonly ShownInput[];
    readonly removed: readonly ShownInput[];
    readonly changed: readonly { readonly before: ShownInput; readonly after: ShownInput }[];
  };
  /** The connectors of `from`, and what `to` would mean to each. */
  readonly affected: readonly Affected[];
}

export interface DiffRequest {
  readonly id: Reference;
  /** By default the stable version. */
  readonly from?: string | undefined;
  /** By default the latest one. */
  readonly to?: string | undefined;
}

/** Throws a `RequestError` where the template or a version is not there, for this caller. */
export async function diffTemplates(
  database: Database,
  caller: Caller,
  { id, from, to }: DiffRequest,
): Promise<TemplateDifference> {
  if (!visible(caller, id)) throw noSuchTemplate({ ...id, versionLabel: from });
  const [latest] = await versionLabels(database, id);
  const before = await versionOf(database, { ...id, versionLabel: from });
  const after = await versionOf(database, { ...id, versionLabel: to ?? latest });
  const { added, removed, changed } = diffInputs(before.content.inputs, after.content.inputs);
  const affected = await affectedBy(database, before, after.content, after.contentDigest);
  return {
    reference: formatReference(id),
    from: before.versionLabel,
    to: after.versionLabel,
    script: unified(before.versionLabel, before.content.script, after.versionLabel, after.content.script),
    inputs: {
      added: added.map(shownInput),
      removed: removed.map(shownInput),
      changed: changed.map(pair => ({ before: shownInput(pair.before), after: shownInput(pair.after) })),
    },
    affected: affected
      .filter(({ connector }) =>
        visible(caller, { scope: connector.scope, connector: formatReference(connector) }),
      )
      .map(item => item.affected),
  };
}

async function versionOf(database: Database, id: Reference & { readonly versionLabel: string | undefined }) {
  const found = await findTemplate(database, id);
  if (!found) throw noSuchTemplate(id);
  return found;
}

/** An input as it stands in its template. */
export const shownInput = (input: DeclaredInput): ShownInput => ({
  label: inputLabel(input),
  type: input.type,
  value: input.value.kind === 'fixed' ? input.value.text : input.value.source,
});

function unified(fromLabel: string, from: string, toLabel: string, to: string): string {
  if (from === to) return '';
  const names = [`a/${fromLabel}`, `b/${toLabel}`] as const;
  const patch = createTwoFilesPatch(...names, from, to, undefined, undefined, {
    context: 3,
    headerOptions: OMIT_HEADERS,
  });
  return `--- ${names[0]}\n+++ ${names[1]}\n${patch}`;
}
