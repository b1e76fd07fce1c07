import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { exportScope } from './export.ts';
import { UsageError } from './settings.ts';

const item = (kind: string, reference: string, valueLeftOut = false) => ({
  kind,
  reference,
  document: { identifier: reference },
  valueLeftOut,
});

async function exported(answer: object, recursive: boolean, folder?: string) {
  const { client, asked } = scriptedClient({ ...answer });
  let out = '';
  const errors: string[] = [];
  const output = {
    out: (text: string) => {
      out += text;
    },
    err: (line: string) => void errors.push(line),
  };
  await exportScope(client, { orgIdentifier: 'x' }, { recursive, folder }, output);
  return { asked, out, errors };
}

test('without a folder it is one stream of documents, and nothing else', async () => {
  const documents = [item('connector', 'account.a'), item('secret', 'account.b')];
  const { asked, out, errors } = await exported({ documents, leftOut: [] }, false);
  assert.deepEqual(asked, [['GET', '/export?orgIdentifier=x']]);
  assert.equal(out, 'connector:\n  identifier: account.a\n---\nsecret:\n  identifier: account.b\n');
  assert.deepEqual(errors, []);
});

test('in a folder each document has a file of its own, in the folder of its scope and kind', async () => {
  using folder = temporaryFolder();
  const documents = [
    item('application', 'application/shop:1'),
    item('template', 'account.t@1.0'),
    item('template', 'org/x/t@2:é'),
    item('connector', 'org/x/c$'),
    item('secret', 'org/x/y/s'),
    item('application', 'application/..'),
  ];
  const { asked, out, errors } = await exported({ documents }, true, folder.file('new'));
  assert.deepEqual(asked, [['GET', '/export?orgIdentifier=x&recursive=true']]);
  const files = readdirSync(folder.file('new'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.yaml'))
    .sort();
  assert.deepEqual(files, [
    'account/applications/...yaml',
    'account/applications/shop%3A1.yaml',
    'account/templates/t@1.0.yaml',
    'org/x/connectors/c%24.yaml',
    'org/x/templates/t@2%3A%C3%A9.yaml',
    'org/x/y/secrets/s.yaml',
  ]);
  assert.equal(
    readFileSync(folder.file('new/org/x/y/secrets/s.yaml'), 'utf8'),
    'secret:\n  identifier: org/x/y/s\n',
  );
  assert.deepEqual([out, errors], ['', [`Wrote 6 files below ${folder.file('new')}.`]]);
});

test('what an export can not hold is said: values, and what was made through FirstGen', async () => {
  const leftOut = [{ kind: 'connector', reference: 'account.f', reason: 'it was made elsewhere' }];
  const { errors } = await exported({ documents: [item('secret', 'account.s', true)], leftOut }, false);
  assert.match(errors.join('\n'), /these are without theirs: account\.s\./);
  assert.match(errors.join('\n'), /Not exported: connector account\.f, as it was made elsewhere\./);
});

test('a folder that cannot be written is named', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('taken'), '');
  await assert.rejects(
    exported({ documents: [item('secret', 'account.s')] }, false, folder.file('taken')),
    UsageError,
  );
});
