/** `legate explain`: how a secret would be fetched now, and by whom. */
import type { Client, Json } from './client.ts';
import { objects, text, texts } from './json.ts';
import { pathOf, pathWith } from './place.ts';
import { printable } from './printable.ts';
import type { Place } from './settings.ts';
import { table } from './table.ts';

/** Writes the plan, where each input came from, and each delegate with why not. */
export async function explain(
  client: Client,
  reference: string,
  place: Place,
  json: boolean,
  write: (text: string) => void,
): Promise<void> {
  const plan = await client.get(pathWith(pathOf('secrets', reference, '/explain'), { ...place }));
  write(json ? `${JSON.stringify(plan, null, 2)}\n` : describe(plan));
}

function describe(plan: Json): string {
  const selectors = texts(plan.selectors);
  const drift = plan.drifted === true ? ', in the content that the connector was last checked against' : '';
  const facts = [
    ['secret', text(plan.secret)],
    ['connector', text(plan.connector)],
    ['template', `${text(plan.template)}@${text(plan.versionLabel)}${drift}`],
    ['program', text(plan.programDigest)],
    ['runs on', `a delegate of ${text(plan.owner)} ${selectorText(selectors)}`],
    ...(text(plan.workingDirectory) === '' ? [] : [['in', text(plan.workingDirectory)]]),
    ['time limit', `${Number(plan.timeoutMs) / 1_000} s`],
    ...(Number(plan.cacheTtlMs) > 0 ? [['kept for', `${Number(plan.cacheTtlMs) / 1_000} s`]] : []),
    ...(plan.key === undefined ? [] : [['key', text(plan.key)]]),
  ];
  const inputs = objects(plan.inputs).map(({ label, value, source }) => [
    label,
    value === undefined ? '********' : JSON.stringify(text(value)),
    sources[text(source)] ?? text(source),
  ]);
  const delegates = objects(plan.delegates).map(({ delegate, instance, why, detail }) => [
    delegate,
    instance ?? '',
    why === undefined ? 'matches' : 'no',
    why === undefined ? '' : text(detail),
  ]);
  const miss = text(plan.nearestMiss);
  return [
    facts.map(([name = '', value = '']) => `${name.padEnd(12)}${printable(value)}\n`).join(''),
    inputs.length > 0 ? table(['INPUT', 'VALUE', 'FROM'], inputs) : 'The template has no inputs.\n',
    delegates.length > 0
      ? table(['DELEGATE', 'INSTANCE', 'FITS', 'WHY NOT'], delegates)
      : 'No delegate has ever connected; start one with "legate agent".\n',
    ...(miss === '' ? [] : [`Nearest miss: ${printable(miss)}\n`]),
  ].join('\n');
}

const sources: Readonly<Record<string, string>> = {
  secret: 'secret',
  connector: "connector's default",
  template: 'fixed by the template',
  'template default': "template's default",
};

const selectorText = (selectors: readonly string[]) =>
  selectors.length === 0 ? 'with any tags' : `with the tags ${selectors.join(', ')}`;
