// The main job on real input: values that pass, age, KeePassXC and openssl really hold, fetched by the command
// line through a control plane and a delegate.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  makeAgeFile,
  makeEncryptedFile,
  makeKeepassDatabase,
  makePassStore,
  type Store,
} from './harness/stores.ts';
import { gallery, startWorld, type World } from './harness/world.ts';

const value = 'p4ss "quoted" \'single\' $HOME `id` \\back é 漢';

const stores: Record<string, (folder: string) => Promise<Store>> = {
  pass: folder => makePassStore(folder, 'team/db password', `${value}\nuser: bob\n`),
  'age-file': folder => makeAgeFile(folder, value),
  keepassxc: folder => makeKeepassDatabase(folder, 'Databases/main db', value),
  'encrypted-file': folder => makeEncryptedFile(folder, value),
};

let world: World;
before(async () => {
  world = await startWorld();
  await world.connectedAgent();
});
after(() => world[Symbol.asyncDispose]());

for (const [name, makeStore] of Object.entries(stores)) {
  test(`a value in ${name} is fetched byte for byte`, async () => {
    // Short: gpg puts sockets into its folder, whose path must not be long.
    const folder = join(world.folder, name.slice(0, 2));
    await mkdir(folder);
    const store = await makeStore(folder);
    try {
      await world.apply(await readFile(join(gallery, name, 'template.yaml'), 'utf8'));
      const id = name.replaceAll('-', '_');
      // The fixture asks for the whole entry; here the password line is wanted.
      const inputs = name === 'pass' ? { ...store.inputs, field: '' } : store.inputs;
      await world.apply(documents(id, inputs));

      const tested = await world.legate(['connector', 'test', `account.${id}`]);
      assert.equal(tested.code, 0, tested.err);
      assert.ok(!tested.out.includes(value));

      const fetched = await world.legate(['secret', 'get', `account.${id}`]);
      assert.equal(fetched.code, 0, fetched.err);
      assert.deepEqual(fetched.out, Buffer.from(value));
      for (const secret of [value, ...store.passwords]) assert.ok(!world.output().includes(secret));
    } finally {
      await store.close();
    }
  });

  test(`the example connector and secret of ${name} are accepted`, async () => {
    const applied = await world.legate(['apply', '-f', join(gallery, name), '--dry-run']);
    assert.equal(applied.code, 0, applied.err);
  });
}

function documents(id: string, inputs: Readonly<Record<string, string>>): string {
  const entries = Object.entries(inputs).map(([name, text]) => ({ name, type: 'String', value: text }));
  const connector = {
    name: id,
    identifier: id,
    type: 'CustomSecretManager',
    spec: {
      onDelegate: true,
      timeout: 60,
      template: {
        templateRef: `account.${id}`,
        versionLabel: '1',
        templateInputs: { environmentVariables: entries.map(entry => ({ ...entry, useAsDefault: true })) },
      },
    },
  };
  const spec = {
    secretManagerIdentifier: `account.${id}`,
    valueType: 'CustomSecretManagerValues',
    value: '',
  };
  return [{ connector }, { secret: { type: 'SecretText', name: id, identifier: id, spec } }]
    .map(document => JSON.stringify(document))
    .join('\n---\n');
}
