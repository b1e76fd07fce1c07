import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { someTime, type TestDatabase, testDatabase } from '../../test/harness/database.ts';
import { type TemporaryFolder, temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { countValuesByKey } from '../store/encrypted-values.ts';
import { type Encryption, openEncryption } from './encryption.ts';
import { parseKeyRing } from './key-ring.ts';
import { chooseKeySource } from './key-source.ts';
import type { RotationStep } from './rotate.ts';

const script = fileURLToPath(new URL('../../test/harness/rotate-and-die.ts', import.meta.url));
const count = 200;

test('a rotation killed at any of its steps loses no value, and the next one ends it', async () => {
  await using scene = await setScene();
  const steps: [RotationStep, number][] = [
    ['noted', 0],
    ['added', 0],
    ['retired', 0],
    ['rewrapped some', 0],
    ['rewrapped some', 3],
    ['rewrapped', 0],
    ['dropped', 0],
    ['ended', 0],
  ];
  for (const [step, times] of steps) {
    const child = scene.rotate(step, String(times));
    child.stdout.resume();
    const [, signal] = await once(child, 'close');
    assert.equal(signal, 'SIGKILL', `at ${step}`);
    await scene.assertReadable(`killed at ${step}`);
  }
  await scene.finish();
});

test('a rotation killed at random moments, while a server writes, loses no value', async () => {
  await using scene = await setScene();
  let wholeMs = 0;
  for (let round = 0; round < 7; round += 1) {
    const child = scene.rotate();
    let start = 0;
    let killing: NodeJS.Timeout | undefined;
    // Ends with the program, killed or not.
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'began') {
        start = performance.now();
        // Real time on purpose: a moment that no code has chosen. The first round is to learn how long it takes.
        if (round > 0) killing = setTimeout(() => child.kill('SIGKILL'), Math.random() * wholeMs);
      }
      if (line === 'retired' || line === 'rewrapped') await scene.write();
    }
    clearTimeout(killing);
    if (round === 0) wholeMs = performance.now() - start;
    await scene.assertReadable(`round ${round}`);
  }
  await scene.finish();
});

interface Scene extends AsyncDisposable {
  /** Starts a rotation in a process of its own. */
  rotate(...death: string[]): ChildProcessByStdio<null, Readable, null>;
  /** Puts a value as a server does that knows nothing of the rotation. */
  write(): Promise<void>;
  assertReadable(when: string): Promise<void>;
  /** Lets a rotation end, and looks that nothing is under an older key. */
  finish(): Promise<void>;
}

async function setScene(): Promise<Scene> {
  const store = await testDatabase();
  const folder = temporaryFolder();
  const { database } = store;
  const source = chooseKeySource({}, folder.path);
  const server = await openEncryption(database, source);
  const values = new Map<string, string>();
  const put = async (owner: string, value: string) => {
    values.set(owner, value);
    await server.put(database, owner, Buffer.from(value), someTime);
  };
  await database.transaction().execute(async transaction => {
    for (let index = 0; index < count; index += 1) {
      const owner = `secret/${index}`;
      values.set(owner, `value ${index}`);
      await server.put(transaction, owner, Buffer.from(`value ${index}`), someTime);
    }
  });
  let written = 0;
  const write = async () => {
    written += 1;
    await put(`secret/${(written * 37) % count}`, `newer ${written}`);
    await put(`late/${written}`, `late ${written}`);
  };
  const assertReadable = async (when: string) => {
    const reading = await openEncryption(database, source);
    for (const each of [reading, server]) await assertValues(each, store, values, when);
    await write();
  };
  const rotate = (...death: string[]) =>
    spawn(process.execPath, [script, store.target, folder.path, ...death], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  return {
    rotate,
    write,
    assertReadable,
    async finish() {
      const child = rotate();
      child.stdout.resume();
      assert.deepEqual(await once(child, 'close'), [0, null]);
      await assertReadable('at the end');
      await assertOneKey(store, folder);
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

async function assertValues(
  encryption: Encryption,
  { database }: TestDatabase,
  values: ReadonlyMap<string, string>,
  when: string,
): Promise<void> {
  for (const [owner, value] of values) {
    const found = await encryption.get(database, owner);
    assert.equal(found && Buffer.from(found).toString(), value, `${owner}, ${when}`);
  }
}

async function assertOneKey({ database }: TestDatabase, folder: TemporaryFolder): Promise<void> {
  const ring = parseKeyRing(readFileSync(folder.file('key-ring'), 'utf8'), 'ring');
  assert.equal(ring.keys.length, 1);
  assert.deepEqual([...(await countValuesByKey(database)).keys()], [ring.primary.id]);
}
