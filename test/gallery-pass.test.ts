// What the gallery's template pass promises, by itself and against the real program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  assertDelivers,
  assertFails,
  hostileName,
  quote,
  runTemplate,
  Scratch,
} from './harness/gallery-scripts.ts';
import { makePassStore } from './harness/stores.ts';

describe('the template pass', { concurrency: true }, () => {
  const content = 'p4ss: word\nUser: bob\n\nurl: https://db.example:5432/x\nuser: second';
  const secrets = content.split('\n');

  async function makeStore(t: TestContext, passphrase = '') {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const store = await scratch.store(makePassStore(dir, 'production/db', content, { passphrase }));
    return { scratch, dir, inputs: store.inputs, passwords: store.passwords };
  }

  const fields: Readonly<Record<string, string>> = {
    '': 'p4ss: word',
    '*': content,
    user: ' bob',
    URL: ' https://db.example:5432/x',
  };
  for (const [field, value] of Object.entries(fields)) {
    test(`finds the field '${field}' where users of pass expect it`, async t => {
      const { scratch, inputs } = await makeStore(t);
      const result = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field }, secrets });
      assertDelivers(result, value);
    });
  }

  for (const field of ['p4ss', 'https', 'db', 'us?r']) {
    test(`finds no field '${field}': names stand below the password and before a colon`, async t => {
      const { scratch, inputs } = await makeStore(t);
      const result = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field }, secrets });
      assertFails(result, /^the entry 'production\/db' has no line '.*' below its password$/m);
    });
  }

  test('takes an empty first line for an empty password, not the next line for the password', async t => {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs } = await scratch.store(makePassStore(dir, 'db', '\nuser: bob\nuser: second'));
    const first = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field: '' }, secrets });
    assertDelivers(first, '');
    const user = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field: 'user' }, secrets });
    assertDelivers(user, ' bob');
  });

  test('finds fields between long lines in moments', async t => {
    const scratch = await Scratch.make(t);
    const long = 'x€'.repeat(262_144);
    const dir = await scratch.folder('store');
    const { inputs } = await scratch.store(makePassStore(dir, 'long', `${long}\n${long}\nuser: bob`));
    for (const [field, value] of Object.entries({ '': long, user: ' bob' })) {
      // Bash's patterns took minutes for this: the run's time limit would end it.
      assertDelivers(
        await runTemplate(scratch, 'pass', { inputs: { ...inputs, field }, secrets: [long] }),
        value,
      );
    }
  });

  test('takes the places where pass and GnuPG look by themselves when no folder is given', async t => {
    const { scratch, dir, inputs } = await makeStore(t);
    const defaults = { ...inputs, store: '', gnupg_home: '' };
    assertDelivers(await runTemplate(scratch, 'pass', { inputs: defaults, secrets, home: dir }), content);
  });

  test('reads an entry, a store and a keyring of any name', async t => {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder(hostileName);
    const store = await scratch.store(makePassStore(dir, `a/${hostileName}`, content));
    assertDelivers(await runTemplate(scratch, 'pass', { inputs: store.inputs, secrets }), content);
    // Relative to a working directory that the connector names, the store begins with a dash.
    const inputs = { ...store.inputs, store: `${hostileName}/.password-store` };
    const result = await runTemplate(scratch, 'pass', { inputs, secrets, workingDirectory: scratch.dir });
    assertDelivers(result, content);
  });

  const absent: Readonly<Record<string, [path: string, message: RegExp]>> = {
    'an entry that does not exist': [
      'production/nope',
      /^no entry 'production\/nope' in the password store '/m,
    ],
    'a folder, instead of delivering its listing': ['production', /^no entry 'production' in the password/m],
    'the whole store, instead of delivering its listing': ['', /^the input path is empty/m],
    'what lies outside of the store': [
      '../outside',
      /^the entry '\.\.\/outside' leads out of the password store$/m,
    ],
  };
  for (const [what, [path, message]] of Object.entries(absent)) {
    test(`refuses ${what}`, async t => {
      const { scratch, dir, inputs } = await makeStore(t);
      const entry = join(dir, '.password-store', 'production', 'db.gpg');
      await copyFile(entry, join(dir, 'outside.gpg'));
      assertFails(await runTemplate(scratch, 'pass', { inputs: { ...inputs, path }, secrets }), message);
    });
  }

  test('tells a missing store and a missing keyring from a missing entry', async t => {
    const { scratch, inputs } = await makeStore(t);
    const noStore = await runTemplate(scratch, 'pass', { inputs: { ...inputs, store: '/nowhere' }, secrets });
    assertFails(noStore, /^no password store at '\/nowhere'/m);
    const noHome = await runTemplate(scratch, 'pass', {
      inputs: { ...inputs, gnupg_home: '/nowhere' },
      secrets,
    });
    assertFails(noHome, /^no GnuPG folder at '\/nowhere'$/m);
  });

  test('says that it cannot decrypt when the keyring has another key', async t => {
    const { scratch, inputs } = await makeStore(t);
    const other = await scratch.store(makePassStore(await scratch.folder('other'), 'x', 'x'));
    const mixed = { ...inputs, gnupg_home: other.inputs.gnupg_home ?? '' };
    assertFails(await runTemplate(scratch, 'pass', { inputs: mixed, secrets }), /^cannot decrypt the entry/m);
  });

  test('fails at once when the key is locked, instead of waiting for somebody to type', async t => {
    const { scratch, dir, inputs, passwords } = await makeStore(t, 'the passphrase');
    const asked = join(scratch.dir, 'asked');
    const pinentry = join(scratch.dir, 'pinentry');
    await writeFile(pinentry, `#!/bin/sh\n: >${quote(asked)}\n`, { mode: 0o755 });
    await appendFile(join(dir, '.gnupg', 'gpg-agent.conf'), `pinentry-program ${pinentry}\n`);
    const result = await runTemplate(scratch, 'pass', { inputs, secrets: [...secrets, ...passwords] });
    assertFails(result, /^cannot decrypt the entry .*asks for no passphrase/m);
    assert.ok(!existsSync(asked), 'nobody was asked');
  });

  test('reads with a locked key whose passphrase the agent already holds', async t => {
    const { scratch, dir, inputs, passwords } = await makeStore(t, 'the passphrase');
    const entry = join(dir, '.password-store', 'production', 'db.gpg');
    const unlock = ['--homedir', join(dir, '.gnupg'), '--batch', '--quiet', '--pinentry-mode', 'loopback'];
    execFileSync('gpg', [...unlock, '--passphrase-fd', '0', '--decrypt', entry], {
      input: 'the passphrase\n',
    });
    assertDelivers(await runTemplate(scratch, 'pass', { inputs, secrets: passwords }), content);
  });
});
