import assert from 'node:assert/strict';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { someConnector, someSecret, someTemplate } from '../../test/harness/entities.ts';
import { insertConnector } from './connectors.ts';
import { scopesWithin } from './scopes.ts';
import { insertSecret } from './secrets.ts';
import { saveTemplate } from './templates.ts';

eachDialect('scopes are those that hold something, each once, and the one that is asked for', async store => {
  const { database } = store;
  assert.deepEqual(await scopesWithin(database, 'account'), ['account']);
  await saveTemplate(database, someTemplate, someTime);
  await saveTemplate(database, { ...someTemplate, scope: 'org/pay' }, someTime);
  await insertConnector(database, { ...someConnector, scope: 'org/pay/demo' }, someTime);
  for (const [index, scope] of (['org/pay', 'org/payments', 'org/pay/other'] as const).entries()) {
    const identifier = `s${index}`;
    const secret = { ...someSecret, scope, identifier, uuid: identifier, connector: undefined };
    await insertSecret(database, secret, someTime);
  }
  assert.deepEqual(await scopesWithin(database, 'account'), [
    'account',
    'org/pay',
    'org/pay/demo',
    'org/pay/other',
    'org/payments',
  ]);
  assert.deepEqual(await scopesWithin(database, 'org/pay'), ['org/pay', 'org/pay/demo', 'org/pay/other']);
  assert.deepEqual(await scopesWithin(database, 'org/none'), ['org/none']);
});
