import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  assertDelivers,
  assertFails,
  hostileName,
  type Inputs,
  runTemplate,
  Scratch,
} from './harness/gallery-scripts.ts';
import { makeKeepassDatabase } from './harness/stores.ts';

describe('the template keepassxc', { concurrency: true }, () => {
  const value = 'value in a database';

  async function makeDatabase(t: TestContext, options?: Parameters<typeof makeKeepassDatabase>[3]) {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs, passwords } = await scratch.store(
      makeKeepassDatabase(dir, 'Production/db', value, options),
    );
    return { scratch, dir, inputs, secrets: [value, ...passwords] };
  }

  for (const unlock of ['key-file', 'both'] as const) {
    test(`opens a database by ${unlock === 'both' ? 'a password and a key file' : 'a key file alone'}`, async t => {
      const { scratch, inputs, secrets } = await makeDatabase(t, { unlock });
      assertDelivers(await runTemplate(scratch, 'keepassxc', { inputs, secrets }), value);
    });
  }

  test('reads the attribute it is told, and the password when it is told none', async t => {
    const attributes = { UserName: 'bob', '-s': 'dash', Notes: 'two\nlines' };
    const { scratch, inputs, secrets } = await makeDatabase(t, { attributes });
    for (const [attribute, expected] of Object.entries({ ...attributes, '': value })) {
      const result = await runTemplate(scratch, 'keepassxc', { inputs: { ...inputs, attribute }, secrets });
      assertDelivers(result, expected);
    }
  });

  test('reads entries, databases, key files and password files of any name', async t => {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder(hostileName);
    const entry = hostileName.replace('\n', ' ');
    const store = await scratch.store(makeKeepassDatabase(dir, entry, value, { unlock: 'both' }));
    const secrets = [value, ...store.passwords];
    assertDelivers(await runTemplate(scratch, 'keepassxc', { inputs: store.inputs, secrets }), value);
    const names = { database: '-k', key_file: '--help', password_file: '-' };
    for (const [input, name] of Object.entries(names)) {
      await copyFile(store.inputs[input] ?? '', join(dir, name));
    }
    const inputs = { ...store.inputs, ...names };
    assertDelivers(
      await runTemplate(scratch, 'keepassxc', { inputs, secrets, workingDirectory: dir }),
      value,
    );
  });

  test('says why it cannot open a database', async t => {
    const { scratch, dir, inputs, secrets } = await makeDatabase(t);
    const wrong = join(dir, 'wrong');
    await writeFile(wrong, 'wrong password\n');
    const failures: [change: Inputs, message: RegExp][] = [
      [{ password_file: wrong }, /Invalid credentials.*^cannot read the attribute 'Password' of the entry/ms],
      [{ key_file: wrong }, /Invalid credentials.*^cannot read/ms],
      [{ password_file: '' }, /^the database needs a password_file, a key_file or both/m],
      [{ password_file: '/nowhere' }, /^no password file '\/nowhere'/m],
      [{ key_file: '/nowhere' }, /^no key file '\/nowhere'/m],
      [{ database: '/nowhere' }, /^no database '\/nowhere'/m],
      [{ database: wrong }, /Not a KeePass database.*^cannot read/ms],
    ];
    for (const [change, message] of failures) {
      const run = { inputs: { ...inputs, ...change }, secrets: [...secrets, 'wrong password'] };
      assertFails(await runTemplate(scratch, 'keepassxc', run), message);
    }
  });

  test('names the entry or the attribute that is missing', async t => {
    const { scratch, inputs, secrets } = await makeDatabase(t);
    const failures: [change: Inputs, message: RegExp][] = [
      [{ entry: 'Production/nope' }, /Could not find entry with path Production\/nope.*^cannot read/ms],
      [{ entry: 'Production' }, /Could not find entry.*^cannot read/ms],
      [{ entry: '' }, /^the input entry is empty/m],
      [{ attribute: 'nope' }, /unknown attribute nope.*^cannot read the attribute 'nope'/ms],
    ];
    for (const [change, message] of failures) {
      assertFails(
        await runTemplate(scratch, 'keepassxc', { inputs: { ...inputs, ...change }, secrets }),
        message,
      );
    }
  });
});
