import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { assertDelivers, assertFails, hostileName, runTemplate, Scratch } from './harness/gallery-scripts.ts';
import { makeAgeFile } from './harness/stores.ts';

describe('the template age-file', { concurrency: true }, () => {
  const value = 'value in an age file';

  async function makeFile(t: TestContext, options?: Parameters<typeof makeAgeFile>[2]) {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs, passwords } = await scratch.store(makeAgeFile(dir, value, options));
    return { scratch, dir, inputs, secrets: [value, ...passwords] };
  }

  test('reads an armored file', async t => {
    const { scratch, inputs, secrets } = await makeFile(t, { armor: true });
    assertDelivers(await runTemplate(scratch, 'age-file', { inputs, secrets }), value);
  });

  test('reads files of any name, also relative to a working directory', async t => {
    for (const name of [hostileName, '-']) {
      const { scratch, dir, inputs, secrets } = await makeFile(t, { name });
      assertDelivers(await runTemplate(scratch, 'age-file', { inputs, secrets }), value);
      await copyFile(join(dir, 'age.key'), join(dir, '-i'));
      const relative = { file: name, identity_file: '-i' };
      const result = await runTemplate(scratch, 'age-file', {
        inputs: relative,
        secrets,
        workingDirectory: dir,
      });
      assertDelivers(result, value);
    }
  });

  test('names the file that is missing', async t => {
    const { scratch, inputs, secrets } = await makeFile(t);
    const noFile = await runTemplate(scratch, 'age-file', {
      inputs: { ...inputs, file: '/nowhere' },
      secrets,
    });
    assertFails(noFile, /^no file '\/nowhere'/m);
    const noKey = { ...inputs, identity_file: '/nowhere' };
    assertFails(
      await runTemplate(scratch, 'age-file', { inputs: noKey, secrets }),
      /^no identity file '\/nowhere'/m,
    );
  });

  test('says that it cannot decrypt with another identity', async t => {
    const { scratch, inputs, secrets } = await makeFile(t);
    const other = await makeAgeFile(await scratch.folder('other'), 'x');
    const mixed = { ...inputs, identity_file: other.inputs.identity_file ?? '' };
    const result = await runTemplate(scratch, 'age-file', {
      inputs: mixed,
      secrets: [...secrets, ...other.passwords],
    });
    assertFails(result, /no identity matched.*^cannot decrypt '/ms);
  });

  test('refuses a file that was never encrypted without quoting it', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t);
    const file = join(dir, 'plain');
    await writeFile(file, `${value}\n`);
    const result = await runTemplate(scratch, 'age-file', { inputs: { ...inputs, file }, secrets });
    assertFails(result, /^the file '.*' is not encrypted with age$/m);
  });

  test('delivers nothing of a file that was cut off', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t);
    const whole = await readFile(inputs.file ?? '');
    const file = join(dir, 'cut');
    await writeFile(file, whole.subarray(0, -3));
    assertFails(
      await runTemplate(scratch, 'age-file', { inputs: { ...inputs, file }, secrets }),
      /^cannot decrypt/m,
    );
  });
});
