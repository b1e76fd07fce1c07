import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { UsageError } from './settings.ts';
import { isInside, readSources, withFiles } from './sources.ts';

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

test('a SecretFile document brings its file along, by the path that is written, read beside the YAML', () => {
  using folder = temporaryFolder();
  mkdirSync(folder.file('sub'));
  writeFileSync(folder.file('sub/key.pem'), Buffer.from([0, 255, 10]));
  const text = (type: string) => `secret: { type: ${type}, identifier: a, spec: { file: ./key.pem } }\n`;
  const name = folder.file('sub/a.yaml');
  const file = { name, text: `# one\n---\n${text('SecretFile')}---\na: 1\n` };
  assert.deepEqual(withFiles(file), { ...file, files: { './key.pem': 'AP8K' } });
  const other = { name, text: text('SecretText') };
  assert.deepEqual(withFiles(other), other);
  for (const none of ['null', '', '~', '""']) {
    const source = { name, text: text('SecretFile').replace('./key.pem', none) };
    assert.deepEqual(withFiles(source), source, none);
  }
});

test('a file that is not there is named, and YAML that is none is left to the control plane', () => {
  using folder = temporaryFolder();
  const name = folder.file('a.yaml');
  const text = 'secret: { type: SecretFile, spec: { file: gone } }';
  assert.throws(() => withFiles({ name, text }), {
    name: 'UsageError',
    message: `cannot read ${folder.file('gone')} (ENOENT)`,
  });
  const broken = { name, text: `${text}\n---\na: [` };
  assert.deepEqual(withFiles(broken), broken);
});

test('whether a file is inside a folder is asked of where it really is', () => {
  using folder = temporaryFolder();
  mkdirSync(folder.file('in'));
  writeFileSync(folder.file('out.pem'), 'x');
  writeFileSync(folder.file('in/in.pem'), 'x');
  symlinkSync(folder.file('out.pem'), folder.file('in/link.pem'));
  assert.equal(isInside(folder.file('in'), folder.file('in/in.pem')), true);
  assert.equal(isInside(folder.file('in'), folder.file('in/../out.pem')), false);
  assert.equal(isInside(folder.file('in'), folder.file('in/link.pem')), false);
});
