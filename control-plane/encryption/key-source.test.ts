import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { makeKey, withFirstKey } from './key-ring.ts';
import { chooseKeySource, readKeyRing } from './key-source.ts';
import { changeRingFile } from './ring-file.ts';

const { id, line } = makeKey();

test('the ring is a file in the data folder unless a setting names another source', () => {
  const none = { ring: undefined, file: '', command: undefined };
  assert.deepEqual(chooseKeySource(none, '/data'), { kind: 'file', path: '/data/key-ring', make: true });
  assert.deepEqual(chooseKeySource({ file: '/keys' }, '/data'), { kind: 'file', path: '/keys', make: false });
  assert.deepEqual(chooseKeySource({ ring: line }, '/data'), { kind: 'environment', text: line });
  assert.deepEqual(chooseKeySource({ command: 'x' }, '/data'), { kind: 'command', command: 'x' });
});

test('two sources are refused by their names, and not by what they hold', () => {
  assert.throws(
    () => chooseKeySource({ ring: line, command: 'vault read x' }, '/data'),
    /^KeyRingError: the key ring has one source, and LEGATE_KEY_RING and LEGATE_KEY_COMMAND are set; unset all but one$/,
  );
});

test('a ring file that others can read is refused, with the mode it has and the one it needs', async () => {
  using folder = temporaryFolder();
  const path = folder.file('ring');
  writeFileSync(path, line);
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    chmodSync(path, mode);
    await assert.rejects(readKeyRing({ kind: 'file', path, make: false }), error => {
      const octal = mode.toString(8);
      return error instanceof Error && error.message.includes(`its mode is ${octal}; chmod 600 it`);
    });
  }
  chmodSync(path, 0o400);
  assert.equal((await readKeyRing({ kind: 'file', path, make: false })).primary.id, id);
});

test('what is absent, or no file, is refused by its path', async () => {
  using folder = temporaryFolder();
  const read = (path: string) => readKeyRing({ kind: 'file', path, make: true });
  await assert.rejects(
    read(folder.file('none')),
    /^KeyRingError: the key ring .*\/none does not exist; put the copy/,
  );
  chmodSync(folder.path, 0o700);
  await assert.rejects(read(folder.path), /must be a file of at most 64 KiB/);
});

test('a change of the file is entire, for its owner alone, and goes to what a link names', () => {
  using folder = temporaryFolder();
  const [path, link] = [folder.file('ring'), folder.file('link')];
  writeFileSync(path, `${line}\n`, { mode: 0o600 });
  symlinkSync(path, link);
  writeFileSync(`${path}.new`, 'what a killed process left', { mode: 0o644 });
  const next = makeKey();
  changeRingFile(link, text => withFirstKey(text ?? '', next.line));
  assert.equal(readFileSync(path, 'utf8'), `${next.line}\n${line}\n`);
  assert.deepEqual(readdirSync(folder.path).sort(), ['link', 'ring', 'ring.lock']);
});

test('a change that fails leaves the file as it was', () => {
  using folder = temporaryFolder();
  const path = folder.file('ring');
  writeFileSync(path, `${line}\n`, { mode: 0o600 });
  const failing = () => {
    throw new Error('no');
  };
  assert.throws(() => changeRingFile(path, failing), /cannot change the key ring/);
  assert.equal(readFileSync(path, 'utf8'), `${line}\n`);
  changeRingFile(path, () => undefined); // The lock was given back.
});

test('a command is a pipeline of the shell, and its output is the ring', async () => {
  const command = `printf '%s\\n' '# mine' | cat; echo ${line}`;
  assert.equal((await readKeyRing({ kind: 'command', command })).primary.id, id);
});

test('a command that fails says its exit code and nothing of what it wrote', async () => {
  const cases = [
    [
      'echo s3cret >&2; echo s3cret; exit 3',
      /^KeyRingError: LEGATE_KEY_COMMAND failed with exit code 3; run it by hand/,
    ],
    ['kill -TERM $$', /LEGATE_KEY_COMMAND was ended by SIGTERM/],
    ['yes s3cret', /wrote more than 64 KiB/],
    ['echo s3cret', /^KeyRingError: the output of LEGATE_KEY_COMMAND, line 1: a key is 32 bytes/],
  ] as const;
  for (const [command, expected] of cases) {
    await assert.rejects(readKeyRing({ kind: 'command', command }), error => {
      return error instanceof Error && expected.test(String(error)) && !error.message.includes('s3cret');
    });
  }
});

test('a command that does not end is ended after ten seconds, with everything it started', async () => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const pidFile = folder.file('pid');
  const reading = readKeyRing({ kind: 'command', command: `sleep 1000 & echo $! >${pidFile}; wait` }, clock);
  const refusal = assert.rejects(reading, /LEGATE_KEY_COMMAND did not end within 10 s/);
  const pid = await written(pidFile);
  await clock.advance(9_999);
  assert.equal(running(pid), true);
  await clock.advance(1);
  await refusal;
  while (running(pid)) await new Promise(resolve => setImmediate(resolve));
});

async function written(file: string): Promise<number> {
  for (;;) {
    try {
      const text = readFileSync(file, 'utf8');
      if (text.endsWith('\n')) return Number(text);
    } catch {
      // Not yet.
    }
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Whether the process is there and not merely waiting to be collected. */
function running(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
