import assert from 'node:assert/strict';
import test from 'node:test';
import { testApi } from '../../test/harness/api.ts';

const path = '/api/v1/delegate-tokens';

test('a token is made with its bounds, listed, rotated and revoked, and shown only when it is made', async () => {
  await using api = await testApi();
  const bounds = { delegateNames: ['edge-1'], tags: ['eu'], networks: ['10.0.0.0/8'] };
  const asked = { name: 'edge', ...bounds, expiresInMs: 86_400_000, renews: true, orgIdentifier: 'payments' };
  const made = JSON.parse((await api.ask('POST', path, asked)).body);
  const rotated = JSON.parse((await api.ask('POST', `${path}/edge/rotate`, { overlapMs: 0 })).body);
  assert.notEqual(rotated.token, made.token);
  const listed = (await api.ask('GET', path)).body;
  const [item] = JSON.parse(listed).items;
  assert.deepEqual({ ...item, ...bounds, scope: 'org/payments', state: 'active', renews: true }, item);
  for (const { token } of [made, rotated]) assert.ok(!listed.includes(token.slice('lgd_'.length)));
  const inPlace = await api.ask('POST', `${path}/edge/rotate`, { overlapMs: 0, inPlace: true });
  assert.deepEqual(JSON.parse(inPlace.body), { name: 'edge', delegates: [] });
  assert.equal((await api.ask('DELETE', `${path}/edge?drainMs=1000`)).status, 200);
  assert.equal((await api.ask('DELETE', `${path}/edge`)).status, 200, 'again is no error');
  const after = await api.ask('POST', `${path}/edge/rotate`, { overlapMs: 0 });
  assert.match(after.body, /is revoked, for good/);
});

test('what is wrong is refused by the name of the field', async () => {
  await using api = await testApi();
  for (const [fields, problem] of [
    [{ networks: ['10.0.0.0/33'] }, /networks must hold addresses or networks/],
    [{ tags: [' '] }, /\/tags\/0 must match pattern/],
    [{ tags: ['a,b'] }, /\/tags\/0 must match pattern/],
    [{ expiresInMs: 0 }, /\/expiresInMs must be >= 1000/],
    [{ renews: true }, /renews needs expiresInMs/],
    [{ scope: 'account' }, /has a field that is not in the schema/],
  ] as const) {
    const answer = await api.ask('POST', path, { name: 'edge', ...fields });
    assert.equal(answer.status, 400);
    assert.match(answer.body, problem);
  }
  const drain = await api.ask('DELETE', `${path}/edge?drainMs=soon`);
  assert.match(drain.body, /\/drainMs must match pattern/);
  assert.deepEqual(JSON.parse((await api.ask('GET', path)).body), { items: [] });
});

test('to the administrator of another scope a token is not there', async () => {
  await using api = await testApi();
  await api.ask('POST', path, { name: 'edge', orgIdentifier: 'payments' });
  const key = await api.keyFor({ role: 'admin', scope: 'org/other' });
  const strip = (body: string) => body.replace(/"correlationId":"[^"]*"/, '').replaceAll('none', 'edge');
  for (const [method, rest, body] of [
    ['POST', '/rotate', { overlapMs: 0 }],
    ['DELETE', '', undefined],
  ] as const) {
    const there = await api.ask(method, `${path}/edge${rest}`, body, key);
    const absent = await api.ask(method, `${path}/none${rest}`, body, key);
    assert.deepEqual([there.status, strip(there.body)], [absent.status, strip(absent.body)]);
  }
  assert.equal((await api.ask('GET', path, undefined, key)).body, '{"items":[]}');
});
