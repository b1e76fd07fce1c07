import assert from 'node:assert/strict';
import test from 'node:test';
import { testDatabase } from '../test/harness/database.ts';
import { yamlOf } from '../test/harness/documents.ts';
import { FakeLink } from '../test/harness/fake-link.ts';
import { someCaller, toolsFor } from '../test/harness/tools.ts';
import { deleteEntity } from './delete.ts';
import { findSecret } from './store/secrets.ts';

const at = (identifier: string) => ({ scope: 'account', identifier }) as const;
const pem = (content: string) => ({
  secret: { name: 'pem', identifier: 'pem', type: 'SecretFile', spec: { content } },
});
const login = (userName = 'deploy') => ({
  secret: {
    name: 'login',
    identifier: 'login',
    type: 'SSHKey',
    spec: {
      auth: {
        type: 'SSH',
        spec: { credentialType: 'KeyReference', spec: { userName, key: 'account.pem' } },
      },
    },
  },
});

test('delegates hear of a login that has changed, itself or the key that it names, and of one that is gone', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database);
  const link = new FakeLink();
  tools.roster.add(link);
  const heard = async (change: () => Promise<unknown>) => {
    link.forgotten.length = 0;
    await change();
    return [...new Set(link.forgotten)];
  };
  await tools.apply(yamlOf(pem('one'), login()));
  const uuid = (await findSecret(store.database, at('login')))?.uuid;
  assert.ok(uuid);
  assert.deepEqual(await heard(() => tools.apply(yamlOf(login('other')))), [uuid]);
  assert.ok((await heard(() => tools.apply(yamlOf(pem('two'))))).includes(uuid));
  assert.deepEqual(await heard(() => tools.apply(yamlOf(pem('three')), { dryRun: true })), []);
  const remove = () => deleteEntity(tools, someCaller(), { kind: 'secret', id: at('login') });
  assert.deepEqual(await heard(remove), [uuid]);
});
