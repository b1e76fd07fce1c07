import assert from 'node:assert/strict';
import test from 'node:test';
import { testApi } from '../../test/harness/api.ts';

const path = '/api/v1/delegate-issuers';
const cluster = {
  name: 'cluster',
  issuer: 'https://kubernetes.default.svc',
  audience: 'legate',
  claims: { '/kubernetes.io/namespace': ['vault'] },
};

test('an issuer is trusted with its bounds, listed, and trusted no more; each change is recorded', async () => {
  await using api = await testApi();
  const bounds = { delegateNames: ['edge-1'], tags: ['eu'], networks: ['10.0.0.0/8'] };
  const asked = { ...cluster, ...bounds, algorithms: ['ES256'], orgIdentifier: 'payments' };
  assert.deepEqual(JSON.parse((await api.ask('POST', path, asked)).body), { name: 'cluster' });
  const [item] = JSON.parse((await api.ask('GET', path)).body).items;
  const expected = { ...cluster, ...bounds, algorithms: ['ES256'], scope: 'org/payments', delegates: [] };
  assert.deepEqual({ ...item, ...expected }, item);
  assert.equal((await api.ask('DELETE', `${path}/cluster`)).status, 200);
  assert.equal((await api.ask('DELETE', `${path}/cluster`)).status, 404);
  assert.deepEqual(JSON.parse((await api.ask('GET', path)).body), { items: [] });
  const trail = await api.tools.trail();
  const about = trail.filter(({ type }) => type === 'response').map(record => [record.action, record.scope]);
  assert.deepEqual(about.slice(-3, -1), [
    ['delegate-issuer.create', 'org/payments'],
    ['delegate-issuer.delete', 'org/payments'],
  ]);
  const created = trail.find(({ action }) => action === 'delegate-issuer.create');
  const { issuer, audience } = cluster;
  const claims = ['/kubernetes.io/namespace=vault'];
  assert.deepEqual(created?.details, { issuer, audience, claims, ...bounds });
});

test('what is wrong is refused by the name of the field', async () => {
  await using api = await testApi();
  for (const [fields, problem] of [
    [{ algorithms: ['HS256'] }, /\/algorithms\/0 must be equal to one of/],
    [{ algorithms: ['none'] }, /\/algorithms\/0 must be equal to one of/],
    [{ algorithms: [] }, /\/algorithms must NOT have fewer than 1 items/],
    [{ claims: { sub: [] } }, /\/claims\/sub must NOT have fewer than 1 items/],
    [{ claims: { sub: 'x' } }, /\/claims\/sub must be array/],
    [{ claims: {} }, /claims must have a condition/],
    [{ audience: '' }, /\/audience must match pattern/],
    [{ issuer: 'https://a.example\0' }, /\/issuer must match pattern/],
    [{ jwksUrl: 'https://a.example/\0' }, /\/jwksUrl must match pattern/],
    [{ ca: '\0' }, /\/ca must match pattern/],
    [{ tags: ['a,b'] }, /\/tags\/0 must match pattern/],
    [{ issuer: 'http://127.0.0.1' }, /issuer must be a URL with https/],
  ] as const) {
    const answer = await api.ask('POST', path, { ...cluster, ...fields });
    assert.equal(answer.status, 400);
    assert.match(answer.body, problem);
  }
});

test('to the administrator of another scope a trusted issuer is not there', async () => {
  await using api = await testApi();
  await api.ask('POST', path, { ...cluster, orgIdentifier: 'payments' });
  const key = await api.keyFor({ role: 'admin', scope: 'org/other' });
  const strip = (body: string) => body.replace(/"correlationId":"[^"]*"/, '').replaceAll('none', 'cluster');
  const there = await api.ask('DELETE', `${path}/cluster`, undefined, key);
  const absent = await api.ask('DELETE', `${path}/none`, undefined, key);
  assert.deepEqual([there.status, strip(there.body)], [absent.status, strip(absent.body)]);
  assert.equal((await api.ask('GET', path, undefined, key)).body, '{"items":[]}');
});
