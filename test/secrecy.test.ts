// Nothing secret where others can read: in process lists, environments, on disk, in logs at debug level.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeEncryptedFile, type Store } from './harness/stores.ts';
import { appears, startWorld, type World } from './harness/world.ts';

// One line each, so that no form of it is hidden by a line break.
const value = `canary-value-${randomBytes(12).toString('hex')}`;
const noise = `canary-noise-${randomBytes(12).toString('hex')}`;

let world: World;
let store: Store;
before(async () => {
  world = await startWorld({ logLevel: 'trace' });
  await world.connectedAgent({ args: ['--log-level', 'trace'] });
  store = await makeEncryptedFile(world.folder, value);
});
after(async () => {
  await store.close();
  await world[Symbol.asyncDispose]();
});

/** Reads the value, says that it has it, and waits until it may go on to `end`. */
function script(name: string, end: string): string {
  const { file = '', password_file: password = '' } = store.inputs;
  return [
    `secret=$(openssl enc -d -aes-256-cbc -pbkdf2 -in '${file}' -pass 'file:${password}')`,
    `touch '${world.folder}/${name}-has-it'`,
    `while [ ! -e '${world.folder}/${name}-go' ]; do sleep 0.05; done`,
    end,
  ].join('\n');
}

/** Where the canary shows up among all processes and all files that a task could have written. */
function leaks(canary: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter(
    name => /^[0-9]+$/.test(name) && Number(name) !== process.pid,
  )) {
    for (const what of ['cmdline', 'environ'])
      if (holds(`/proc/${pid}/${what}`, canary)) found.push(`/proc/${pid}/${what}`);
  }
  for (const folder of [world.folder, tmpdir()]) {
    const names = readdirSync(folder, { recursive: folder === world.folder, encoding: 'utf8' });
    for (const name of names) if (holds(join(folder, name), canary)) found.push(join(folder, name));
  }
  return found;
}

function holds(path: string, text: string): boolean {
  try {
    return readFileSync(path).includes(text);
  } catch {
    return false; // A folder, somebody else's, or gone.
  }
}

test('the search finds a canary where there is one', async () => {
  const planted = `canary-planted-${randomBytes(12).toString('hex')}`;
  const file = join(world.folder, 'planted');
  await writeFile(file, planted);
  assert.deepEqual(leaks(planted), [file]);
});

for (const [name, end, code] of [
  ['success', ':', 0],
  ['failure', 'echo "trouble with $secret" >&2; exit 3', 1],
  ['trace', 'set -x; other=$secret; false; exit 4', 1],
  ['output', 'echo "$secret"; exit 5', 1],
] as const) {
  test(`while a task runs and after its ${name}, the value is in no process, file or log`, async () => {
    const { secret } = await world.script(script(name, end), { inputs: {} });
    const fetching = world.legate(['secret', 'get', secret, '--logs']);
    await appears(join(world.folder, `${name}-has-it`));
    assert.deepEqual(leaks(value), []);
    for (const password of store.passwords) {
      // The password's own file is the store's.
      assert.deepEqual(leaks(password), [store.inputs.password_file]);
    }
    await writeFile(join(world.folder, `${name}-go`), '');
    const fetched = await fetching;
    assert.equal(fetched.code, code, fetched.err);
    if (code === 0) assert.equal(fetched.out.toString(), value);
    if (name === 'failure') assert.match(fetched.err, /\| trouble with \*{14}/);
    assert.deepEqual(leaks(value), []);
    assert.ok(!world.output().includes(value));
    for (const encoded of [Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')]) {
      assert.ok(!world.output().includes(encoded));
    }
  });
}

test('an input value is in no process and in no log of the delegate', async () => {
  const { secret } = await world.script(
    `input=<+secretManager.environmentVariables.input>
     touch '${world.folder}/input-has-it'
     while [ ! -e '${world.folder}/input-go' ]; do sleep 0.05; done
     secret=\${#input}`,
    { inputs: { input: noise } },
  );
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'input-has-it'));
  // An input that is not marked secret is part of the documents, so it stands in the store and nowhere else.
  assert.deepEqual(
    leaks(noise).filter(path => !path.startsWith(join(world.folder, 'data'))),
    [],
  );
  await writeFile(join(world.folder, 'input-go'), '');
  assert.equal((await fetching).out.toString(), String(noise.length));
  assert.ok(!world.output().includes(noise));
});

test('tokens, keys and programs are in no log, and the store holds only hashes', async () => {
  const token = await readFile(join(world.folder, 'token-0'), 'utf8');
  for (const credential of [token, world.apiKey]) {
    assert.ok(!world.output().includes(credential));
    for (const path of leaks(credential))
      assert.match(path, /(\/token-0|\/admin\.key|^\/proc\/\d+\/environ)$/);
  }
  assert.ok(!world.output().includes('openssl enc -d'));
});
