import assert from 'node:assert/strict';
import test from 'node:test';
import { testApi } from '../test/harness/api.ts';
import { eachDialect } from '../test/harness/database.ts';
import { failingWith, world } from '../test/harness/first-gen.ts';
import { refusalOf, someCaller, toolsFor } from '../test/harness/tools.ts';
import { listAccountSettings, setAccountSetting } from './account-settings.ts';

const off = { name: 'test-on-save', value: 'off' } as const;

eachDialect('a switch is on until it is switched off, and the trail says by whom', async store => {
  const tools = await toolsFor(store.database);
  const caller = someCaller();
  const valueNow = async () => (await listAccountSettings(store.database, caller))[0]?.value;
  assert.equal(await valueNow(), 'on');
  assert.equal((await setAccountSetting(tools, caller, off)).value, 'off');
  assert.equal(await valueNow(), 'off');
  const trail = await tools.trail();
  assert.deepEqual(
    trail.map(({ type, action, subject, outcome, details }) => ({ type, action, subject, outcome, details })),
    [
      {
        type: 'request',
        action: 'setting.change',
        subject: undefined,
        outcome: undefined,
        details: undefined,
      },
      {
        type: 'change',
        action: 'setting.change',
        subject: 'setting/test-on-save',
        outcome: 'succeeded',
        details: { before: 'on', after: 'off' },
      },
      {
        type: 'response',
        action: 'setting.change',
        subject: 'setting/test-on-save',
        outcome: 'succeeded',
        details: { before: 'on', after: 'off' },
      },
    ],
  );
  await setAccountSetting(tools, caller, { ...off, value: 'on' });
  assert.equal(await valueNow(), 'on');
});

eachDialect('only an administrator of the account may, and who tries is in the trail', async store => {
  const tools = await toolsFor(store.database);
  for (const grant of [
    { role: 'editor', scope: 'account' },
    { role: 'admin', scope: 'org/near' },
  ] as const) {
    const caller = someCaller(grant);
    assert.equal((await refusalOf(setAccountSetting(tools, caller, off))).code, 'ACCESS_DENIED');
    assert.equal((await refusalOf(listAccountSettings(store.database, caller))).code, 'ACCESS_DENIED');
    assert.equal((await tools.trail()).at(-1)?.outcome, 'denied');
  }
});

eachDialect(
  'switched off, a manager whose script fails is saved; switched on again, it is not',
  async store => {
    const legate = await world(store);
    legate.play(failingWith({ reason: 'script-failed' }));
    const tools = legate.tools;
    await setAccountSetting(tools, legate.admin, off);
    await legate.createManager({ name: 'one' });
    assert.equal(legate.runs, 0);
    await setAccountSetting(tools, legate.admin, { ...off, value: 'on' });
    await refusalOf(legate.createManager({ name: 'two' }));
    assert.equal(legate.runs, 1);
  },
);

test('over HTTP: the list, a switch, and words for what there is not', async () => {
  await using api = await testApi();
  const list = JSON.parse((await api.ask('GET', '/api/v1/settings')).body);
  assert.deepEqual(
    list.items.map(({ name, value }: Record<string, string>) => [name, value]),
    [['test-on-save', 'on']],
  );
  const set = (name: string, body: object) => api.ask('POST', `/api/v1/settings/${name}`, body);
  assert.equal((await set('test-on-save', { value: 'off' })).status, 200);
  assert.equal((await set('test-on-save', { value: 'maybe' })).status, 400);
  const unknown = await set('testOnSave', { value: 'off' });
  assert.equal(unknown.status, 404);
  assert.match(unknown.body, /there is no setting \\"testOnSave\\"; there are: test-on-save/);
});
