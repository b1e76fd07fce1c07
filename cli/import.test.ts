import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { type TemporaryFolder, temporaryFolder } from '../test/harness/temporary-folder.ts';
import { ApiError } from './client.ts';
import { importFolder } from './import.ts';

const once = { dryRun: false, test: false };
const secret = (id: string) => `secret:\n  type: SecretText\n  identifier: ${id}\n`;
const nothing = { applied: [] };

function folderWith(files: Readonly<Record<string, string>>): TemporaryFolder {
  const folder = temporaryFolder();
  mkdirSync(folder.file('sub'));
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
  return folder;
}

/** The texts that were sent, by request. */
const textsOf = (asked: readonly unknown[]) =>
  asked.map(request => {
    const { 2: body } = Object(request);
    return [...body.sources].map(({ text }) => text);
  });

test('what can be taken is tried first, and applied without connection tests', async () => {
  using folder = folderWith({ 'a.yaml': secret('a') });
  const { client, asked, write, written } = scriptedClient(nothing, {
    applied: [{ kind: 'secret', reference: 'account.a', change: 'created' }],
  });
  assert.equal(await importFolder(client, folder.path, once, write), 0);
  const sources = [{ name: folder.file('a.yaml'), text: secret('a') }];
  assert.deepEqual(asked, [
    ['POST', '/apply', { sources, dryRun: true, skipTests: true }],
    ['POST', '/apply', { sources, dryRun: false, skipTests: true }],
  ]);
  assert.equal(written(), 'secret account.a created\n\n1 document imported, nothing left out.\n');
});

test('with --dry-run nothing is applied, with --test connections are tested', async () => {
  using folder = folderWith({ 'a.yaml': secret('a') });
  const dry = scriptedClient(nothing);
  assert.equal(await importFolder(dry.client, folder.path, { dryRun: true, test: false }, dry.write), 0);
  assert.match(dry.written(), /1 document can be imported, nothing left out/);
  const tested = scriptedClient(nothing, nothing);
  await importFolder(tested.client, folder.path, { dryRun: false, test: true }, tested.write);
  assert.deepEqual(Object(tested.asked[1])[2].skipTests, false);
});

test('what is not ours is left out with file and line, and the lines of the rest stay what they were', async () => {
  using folder = folderWith({
    'a.yaml': `# first\n${secret('a')}---\npipeline:\n  name: é\n---\n${secret('b')}---\n- a\n- b\n`,
    'sub/types.yaml':
      'connector: { type: Vault }\n---\ntemplate: { type: Step }\n---\nsecret: { type: WinRmCredentials }\n' +
      '---\nsecret: {}\n---\nconstructor: {}\n---\na: 1\nb: 2\n---\ntext\n',
    'broken.yaml': 'a: [\n',
  });
  const { client, asked, write, written } = scriptedClient(nothing, nothing);
  assert.equal(await importFolder(client, folder.path, once, write), 3);
  const [[text = ''] = [], ...rest] = textsOf(asked);
  assert.equal(rest.length, 1);
  assert.equal(text, `# first\n${secret('a')}---\n         \n         \n---\n${secret('b')}---\n   \n   \n`);
  const report = written().replaceAll(`${folder.path}/`, '').split('\n');
  const only = 'only templates, connectors and secrets can be imported';
  const types = 'SecretText, SecretFile, SSHKey';
  assert.deepEqual(report, [
    '',
    'Not imported:',
    `  a.yaml:6: a document with the key pipeline; ${only}`,
    `  a.yaml:13: a list; ${only}`,
    '  broken.yaml: line 2, column 1: not valid YAML (bad indent)',
    '  sub/types.yaml:1: a connector of type Vault is not supported; only CustomSecretManager is',
    '  sub/types.yaml:3: a template of type Step is not supported; only SecretManager is',
    `  sub/types.yaml:5: a secret of type WinRmCredentials is not supported; only ${types} is`,
    `  sub/types.yaml:7: a secret of type (none) is not supported; only ${types} is`,
    `  sub/types.yaml:9: a document with the key constructor; ${only}`,
    `  sub/types.yaml:11: a document with the keys a, b; ${only}`,
    `  sub/types.yaml:14: no object; ${only}`,
    '',
    '2 documents imported, 10 left out.',
    '',
  ]);
});

test('what the control plane refuses is left out, and in the next round what refers to it', async () => {
  using folder = folderWith({ 'a.yaml': ['a', 'b', 'c'].map(secret).join('---\n') });
  const name = folder.file('a.yaml');
  const refusing = (...problems: string[]) => new ApiError('refused', { problems });
  const { client, asked, write, written } = scriptedClient(
    refusing(`${name}:1: it is wrong`, `${name}:1: twice`),
    refusing(`${name}:5: there is no a`),
    nothing,
    nothing,
  );
  assert.equal(await importFolder(client, folder.path, once, write), 3);
  assert.deepEqual(
    textsOf(asked).map(([text = '']) => text.match(/identifier: ./g)?.join()),
    [
      'identifier: a,identifier: b,identifier: c',
      'identifier: b,identifier: c',
      'identifier: c',
      'identifier: c',
    ],
  );
  for (const line of ['1: it is wrong', '1: twice', '5: there is no a'])
    assert.ok(written().includes(`  ${name}:${line}\n`), line);
  assert.match(written(), /1 document imported, 2 left out\.\n$/);
});

test('a refusal that is about no document, or a control plane that is not there, ends the import', async () => {
  using folder = folderWith({ 'a.yaml': secret('a') });
  for (const error of [new ApiError('no', { problems: ['ACCESS_DENIED'] }), new ApiError('gone')]) {
    const { client, write } = scriptedClient(error);
    await assert.rejects(importFolder(client, folder.path, once, write), error);
  }
});

test('a file of a secret is read from the folder only', async () => {
  const file = (path: string) => `secret: { type: SecretFile, identifier: a, spec: { file: ${path} } }\n`;
  using folder = folderWith({
    'sub/a.yaml': [file('../in.pem'), file('/etc/hostname'), file('gone.pem')].join('---\n'),
    'in.pem': 'x',
  });
  const { client, asked, write, written } = scriptedClient(nothing, nothing);
  assert.equal(await importFolder(client, folder.path, once, write), 3);
  assert.deepEqual(Object(asked[0])[2].sources[0].files, { '../in.pem': 'eA==' });
  assert.match(written(), /a\.yaml:3: its file \/etc\/hostname is not in the folder/);
  assert.match(written(), /a\.yaml:5: cannot read .*gone\.pem \(ENOENT\)/);
});
