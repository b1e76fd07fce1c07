/** `legate template diff` and `legate connector accept`: what a change of a template means. */
import { describeAffected } from './apply.ts';
import type { Client, Json } from './client.ts';
import { object, objects, text, texts } from './json.ts';
import { pathOf, pathWith } from './place.ts';
import { printable } from './printable.ts';
import type { Place } from './settings.ts';

/** Writes what one version does differently from another one. */
export async function diffTemplate(
  client: Client,
  reference: string,
  versions: { readonly from: string | undefined; readonly to: string | undefined },
  place: Place,
  write: (text: string) => void,
): Promise<void> {
  const shown = await client.get(
    pathWith(pathOf('templates', reference, '/diff'), { ...place, ...versions }),
  );
  const { added, removed, changed } = object(shown.inputs);
  const lines = [
    ...objects(removed).map(input => `- input ${inputText(input)}`),
    ...objects(added).map(input => `+ input ${inputText(input)}`),
    ...objects(changed).flatMap(({ before, after }) => [
      `- input ${inputText(object(before))}`,
      `+ input ${inputText(object(after))}`,
    ]),
    ...(text(shown.script) === '' ? [] : text(shown.script).trimEnd().split('\n')),
  ];
  const title = `${text(shown.reference)}: ${text(shown.from)} → ${text(shown.to)}`;
  if (lines.length === 0) return write(`${title}: the same script and inputs\n`);
  write(`${title}\n${lines.map(line => `${printable(line)}\n`).join('')}`);
  for (const affected of objects(shown.affected)) {
    write(`connector ${text(affected.connector)} of ${text(shown.from)}: ${describeAffected(affected)}\n`);
    for (const problem of texts(affected.problems)) write(`  it would not fit: ${printable(problem)}\n`);
  }
}

const inputText = ({ label, type, value }: Json) => `${text(label)} (${text(type)}): ${text(value)}`;

/** Moves a connector to the content that its template version has now. */
export async function acceptContent(
  client: Client,
  connector: string,
  place: Place,
  write: (text: string) => void,
): Promise<void> {
  const { connector: reference, accepted } = await client.post('/connectors/accept', { connector, ...place });
  write(
    accepted === undefined
      ? `connector ${text(reference)} has the current content already\n`
      : `connector ${text(reference)} moved to the new content: ${describeAffected(accepted)}\n`,
  );
}

/** Makes a version the one that is meant where none is named. */
export async function setStable(
  client: Client,
  template: string,
  versionLabel: string,
  place: Place,
  write: (text: string) => void,
): Promise<void> {
  const { reference } = await client.post('/templates/stable', { template, versionLabel, ...place });
  write(`template ${text(reference)} is the stable version\n`);
}
