import assert from 'node:assert/strict';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { refused, world } from '../../test/harness/first-gen.ts';
import { saveApplication } from '../store/applications.ts';
import { type GivenUsageScope, readGivenUsageScope } from './usage-scope.ts';

const shop = {
  id: 'shop',
  name: 'Shop',
  environments: [{ id: 'live', name: 'Live', production: true }],
};
const production = { filterType: 'PRODUCTION_ENVIRONMENTS' } as const;
const all = { filterType: 'ALL' } as const;

type Entry = NonNullable<GivenUsageScope['appEnvScopes']>[number];

eachDialect('a usage scope is refused with the text of the first check that it fails', async store => {
  await saveApplication(store.database, shop, someTime);
  const rows: [Entry, string][] = [
    [{ application: null, environment: production }, 'The app filter cannot be null'],
    [{ application: all, environment: null }, 'The app filter cannot be null'],
    [{ application: {}, environment: {} }, 'No appId or filterType provided in the app filter'],
    [
      { application: { ...all, appId: 'nowhere' }, environment: {} },
      'Cannot set both appId and filterType in the app filter',
    ],
    [{ application: { appId: 'nowhere' }, environment: {} }, 'No application exists with the id nowhere'],
    [
      { application: all, environment: { ...production, envId: 'live' } },
      'EnvId cannot be supplied with app filterType ALL',
    ],
    [{ application: all, environment: {} }, 'No envId or filterType provided in the env filter'],
    [
      { application: { appId: 'shop' }, environment: { ...production, envId: 'nowhere' } },
      'Cannot set both envId and filterType in the env filter',
    ],
    [
      { application: { appId: 'shop' }, environment: { envId: 'nowhere' } },
      'No env exists with id nowhere in application with id shop',
    ],
  ];
  for (const [entry, text] of rows) {
    const reading = readGivenUsageScope(store.database, { appEnvScopes: [entry] });
    assert.equal(await refused(reading), `Invalid request: ${text}`);
  }
});

eachDialect('equal entries become one, and what is empty restricts nothing', async store => {
  await saveApplication(store.database, shop, someTime);
  const live = { application: { appId: 'shop' }, environment: { envId: 'live' } };
  const given = { appEnvScopes: [live, { application: all, environment: production }, live] };
  assert.deepEqual(await readGivenUsageScope(store.database, given), [
    live,
    { application: all, environment: production },
  ]);
  for (const none of [undefined, null, {}, { appEnvScopes: null }, { appEnvScopes: [] }])
    assert.deepEqual(await readGivenUsageScope(store.database, none), []);
});

eachDialect("null keeps a manager's usage scope and takes a secret's away", async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  const entry = { application: all, environment: production };
  const usageScope = { appEnvScopes: [entry] };
  const manager = await legate.createManager({ usageScope });
  await legate.updateManager(manager, { usageScope: null });
  assert.deepEqual((await operations.findSecretManager(admin, manager)).usageScope, [entry]);
  await legate.updateManager(manager, { usageScope: {} });
  assert.deepEqual((await operations.findSecretManager(admin, manager)).usageScope, []);

  const secret = await legate.createText({ name: 's', value: 'v', usageScope });
  const scopeOf = async () =>
    (await operations.findFirstGenSecret(admin, secret, 'ENCRYPTED_TEXT')).usageScope;
  const update = (encryptedText: object) =>
    operations.updateFirstGenSecret(
      admin,
      { secretId: secret, secretType: 'ENCRYPTED_TEXT', encryptedText },
      undefined,
      new AbortController().signal,
    );
  await update({});
  assert.deepEqual(await scopeOf(), [entry]);
  await update({ usageScope: null });
  assert.deepEqual(await scopeOf(), []);
});
