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
import { makeEncryptedFile } from './harness/stores.ts';

describe('the template encrypted-file', { concurrency: true }, () => {
  const value = 'value in an encrypted file';

  async function makeFile(t: TestContext, options?: Parameters<typeof makeEncryptedFile>[2]) {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs, passwords } = await scratch.store(makeEncryptedFile(dir, value, options));
    return { scratch, dir, inputs, secrets: [value, ...passwords] };
  }

  for (const iterations of [undefined, 1, 600_000]) {
    test(`reads what openssl wrote with ${iterations ?? 'its own number of'} iterations`, async t => {
      const { scratch, inputs, secrets } = await makeFile(t, iterations === undefined ? {} : { iterations });
      assertDelivers(await runTemplate(scratch, 'encrypted-file', { inputs, secrets }), value);
    });
  }

  test('reads files of any name, also relative to a working directory', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t, { name: hostileName });
    assertDelivers(await runTemplate(scratch, 'encrypted-file', { inputs, secrets }), value);
    await copyFile(inputs.password_file ?? '', join(dir, '-in'));
    const relative = { ...inputs, file: hostileName, password_file: '-in' };
    const result = await runTemplate(scratch, 'encrypted-file', {
      inputs: relative,
      secrets,
      workingDirectory: dir,
    });
    assertDelivers(result, value);
  });

  test('says that it cannot decrypt with another password or number of iterations', async t => {
    const { scratch, dir, inputs } = await makeFile(t);
    // A file made once, because the format has no authentication: of the files made afresh, one in 256
    // would "open" with a wrong password.
    const file = join(dir, 'constant.enc');
    const ciphertext = 'U2FsdGVkX19moR+sJVMDSQNTmnpWFBIWmcxl296KIOrjFoWLUpCkuR19LJFm5M0d';
    await writeFile(file, Buffer.from(ciphertext, 'base64'));
    const changes: { password?: string; iterations?: string }[] = [
      { password: 'not this one' },
      { iterations: '2' },
    ];
    for (const { password = 'the password', iterations = '' } of changes) {
      const password_file = join(dir, 'password');
      await writeFile(password_file, `${password}\n`);
      const run = { inputs: { ...inputs, file, password_file, iterations }, secrets: [value, password] };
      assertFails(await runTemplate(scratch, 'encrypted-file', run), /bad decrypt.*^cannot decrypt '/ms);
    }
  });

  test('refuses a file that was never encrypted without quoting it', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t);
    const file = join(dir, 'plain');
    await writeFile(file, `${value}\n`);
    const result = await runTemplate(scratch, 'encrypted-file', { inputs: { ...inputs, file }, secrets });
    assertFails(result, /^cannot decrypt .*not a file that openssl enc -aes-256-cbc -pbkdf2 has written$/m);
  });

  test('names the input that is wrong', async t => {
    const { scratch, inputs, secrets } = await makeFile(t);
    const failures: [change: Inputs, message: RegExp][] = [
      [{ file: '/nowhere' }, /^no file '\/nowhere'/m],
      [{ password_file: '/nowhere' }, /^no password file '\/nowhere'/m],
      [{ iterations: '1e3' }, /^iterations must be a whole number, not '1e3'$/m],
    ];
    for (const [change, message] of failures) {
      const run = { inputs: { ...inputs, ...change }, secrets };
      assertFails(await runTemplate(scratch, 'encrypted-file', run), message);
    }
  });
});
