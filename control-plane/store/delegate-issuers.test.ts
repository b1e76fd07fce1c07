import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import {
  findIssuer,
  issuersOf,
  listIssuers,
  type NewIssuer,
  saveIssuer,
  saveIssuerDeleted,
  scopesOfIssuer,
} from './delegate-issuers.ts';

const cluster: NewIssuer = {
  id: 'id-1',
  name: 'cluster',
  scope: 'org/payments',
  issuer: 'https://a.example',
  audience: 'legate',
  jwksUrl: 'https://a.example/keys',
  jwks: undefined,
  ca: 'PEM',
  algorithms: ['RS256'],
  claims: { '/kubernetes.io/namespace': ['vault', 'stores'] },
  delegateNames: ['edge'],
  tags: ['eu'],
  networks: ['10.0.0.0/8'],
  createdBy: 'somebody',
  createdAt: someTime,
};

eachDialect('a trusted issuer is kept as it was made, and its name is its own for good', async store => {
  const { database } = store;
  assert.equal(await saveIssuer(database, cluster), true);
  assert.deepEqual(await findIssuer(database, 'cluster'), { ...cluster, deletedAt: undefined });
  assert.equal(await saveIssuer(database, { ...cluster, id: 'id-2' }), false);
  await saveIssuerDeleted(database, 'id-1', someTime);
  await saveIssuerDeleted(database, 'id-1', 'later');
  assert.equal((await findIssuer(database, 'cluster'))?.deletedAt, someTime);
  assert.deepEqual(await listIssuers(database), []);
  assert.deepEqual(await issuersOf(database, cluster.issuer), []);
  assert.equal(await saveIssuer(database, { ...cluster, id: 'id-2' }), false);
  assert.deepEqual(await scopesOfIssuer(database, cluster), ['org/payments'], 'what was deleted counts');
});

eachDialect('those of one issuer come in the order in which they were made', async ({ database }) => {
  for (const [id, createdAt] of [
    ['c', '2024-01-01'],
    ['b', '2024-01-01'],
    ['a', '2024-01-02'],
  ] as const)
    await saveIssuer(database, { ...cluster, id, name: id, createdAt });
  await saveIssuer(database, { ...cluster, id: 'd', name: 'other', issuer: 'https://a.example/' });
  const ids = (await issuersOf(database, cluster.issuer)).map(({ id }) => id);
  assert.deepEqual(ids, ['b', 'c', 'a']);
  assert.deepEqual(await scopesOfIssuer(database, { ...cluster, audience: 'other' }), []);
});

eachDialect('damaged bounds are no bounds, and let nobody in', async ({ database }) => {
  await saveIssuer(database, cluster);
  for (const column of ['claims', 'algorithms', 'tags']) {
    for (const damaged of ['{', '["a",1]', '{"sub":"x"}', '{"sub":[1]}', 'null']) {
      await sql`update delegate_issuers set ${sql.ref(column)} = ${damaged}`.execute(database);
      await assert.rejects(issuersOf(database, cluster.issuer), `${column} ${damaged}`);
    }
    const whole = column === 'claims' ? '{}' : '[]';
    await sql`update delegate_issuers set ${sql.ref(column)} = ${whole}`.execute(database);
    await issuersOf(database, cluster.issuer);
  }
});
