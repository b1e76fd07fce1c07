import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { apply, readSources } from './apply.ts';
import type { Client } from './client.ts';
import { UsageError } from './settings.ts';

const refused = (path: string, message: string) =>
  assert.throws(
    () => readSources(path),
    error => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message, message);
      return true;
    },
  );

test('a file is one source under its own name, whatever its ending', () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('a.txt'), 'a: é');
  assert.deepEqual(readSources(folder.file('a.txt')), [{ name: folder.file('a.txt'), text: 'a: é' }]);
});

test('a folder is all YAML files in it and below, in order', () => {
  using folder = temporaryFolder();
  mkdirSync(folder.file('sub'));
  for (const name of ['b.yaml', 'a.yml', 'sub/c.yaml', 'readme.md', 'x.yaml.bak'])
    writeFileSync(folder.file(name), name);
  assert.deepEqual(
    readSources(folder.path).map(({ name, text }) => [name, text]),
    ['a.yml', 'b.yaml', 'sub/c.yaml'].map(name => [folder.file(name), name]),
  );
});

test('what cannot be read is named: the file itself, not the folder it is in', () => {
  using folder = temporaryFolder();
  refused(folder.file('nothing'), `cannot read ${folder.file('nothing')} (ENOENT)`);
  refused(folder.path, `there is no .yaml or .yml file below ${folder.path}`);
  mkdirSync(folder.file('folder.yaml'));
  refused(folder.path, `cannot read ${folder.file('folder.yaml')} (EISDIR)`);
});

test('a file in another encoding is refused, and not taken for what it is not', () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('a.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
  refused(folder.file('a.yaml'), `${folder.file('a.yaml')} is not UTF-8 text`);
});

test('what was applied is a line per document, and a dry run says that it was one', async () => {
  const asked: object[] = [];
  const client: Client = {
    get: () => assert.fail('it only applies'),
    events: () => assert.fail('it only applies'),
    post: async (path, body) => {
      asked.push({ path, ...body });
      return { applied: [{ kind: 'secret', reference: 'account.a', change: 'created' }] };
    },
  };
  const sources = [{ name: 'a.yaml', text: 'x' }];
  for (const [dryRun, line] of [
    [false, 'secret account.a created\n'],
    [true, 'secret account.a created (dry run)\n'],
  ] as const) {
    let written = '';
    await apply(client, sources, dryRun, text => {
      written += text;
    });
    assert.equal(written, line);
  }
  assert.deepEqual(asked, [
    { path: '/apply', sources, dryRun: false },
    { path: '/apply', sources, dryRun: true },
  ]);
});
