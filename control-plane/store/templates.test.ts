import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { someConnector, someContent, someTemplate } from '../../test/harness/entities.ts';
import { contentDigest } from '../domain/content-digest.ts';
import { connectorsOf, insertConnector } from './connectors.ts';
import {
  deleteTemplateVersion,
  dropUnpinnedContents,
  findContent,
  findTemplate,
  findTemplateByUuid,
  listTemplates,
  saveTemplate,
  setStableVersion,
  versionLabels,
} from './templates.ts';

const other = { ...someContent, script: 'secret=2', spec: { other: true } };

eachDialect('a template version comes back as it was saved', async store => {
  await saveTemplate(store.database, someTemplate, someTime, 'template-uuid');
  assert.deepEqual(await findTemplate(store.database, someTemplate), {
    ...someTemplate,
    // JSON has no undefined.
    content: JSON.parse(JSON.stringify(someContent)),
    uuid: 'template-uuid',
    contentDigest: contentDigest(someContent),
    number: 1,
    stable: true,
    createdAt: someTime,
    updatedAt: someTime,
  });
});

eachDialect('a template is found by its exact scope, identifier and version label only', async store => {
  await saveTemplate(store.database, someTemplate, someTime);
  for (const near of [
    { versionLabel: '1' },
    { versionLabel: '1.00' },
    { identifier: 'KV' },
    { identifier: 'k%' },
    { scope: 'org/kv' as const },
  ])
    assert.equal(await findTemplate(store.database, { ...someTemplate, ...near }), undefined);
});

eachDialect('the first version is the stable one until another is made it', async store => {
  await saveTemplate(store.database, someTemplate, someTime, 'template-uuid');
  await saveTemplate(store.database, { ...someTemplate, versionLabel: '2' }, someTime);
  const stable = async () => (await findTemplateByUuid(store.database, 'template-uuid'))?.versionLabel;
  assert.equal(await stable(), '1.0');
  await setStableVersion(store.database, { ...someTemplate, versionLabel: '2' });
  assert.equal(await stable(), '2');
  const { scope, identifier } = someTemplate;
  assert.equal((await findTemplate(store.database, { scope, identifier }))?.versionLabel, '2');
  assert.equal(await findTemplateByUuid(store.database, 'another'), undefined);
});

eachDialect(
  'saving the same version again replaces it, and keeps its number and when it was made',
  async store => {
    await saveTemplate(store.database, someTemplate, 'monday');
    await saveTemplate(store.database, { ...someTemplate, content: other }, 'tuesday');
    const found = await findTemplate(store.database, someTemplate);
    assert.deepEqual(
      [found?.content.script, found?.number, found?.createdAt, found?.updatedAt],
      ['secret=2', 1, 'monday', 'tuesday'],
    );
  },
);

eachDialect(
  'a content that a connector pins outlives its version, and no longer than the connector',
  async store => {
    await saveTemplate(store.database, someTemplate, someTime);
    await insertConnector(store.database, someConnector, someTime);
    await saveTemplate(store.database, { ...someTemplate, content: other }, someTime);
    await dropUnpinnedContents(store.database);
    const [connector] = await connectorsOf(store.database, someTemplate);
    assert.equal(connector?.contentDigest, contentDigest(someContent));
    assert.equal(connector?.templateDigest, contentDigest(other));
    assert.equal((await findContent(store.database, contentDigest(someContent))).script, someContent.script);
    await store.database.deleteFrom('connectors').execute();
    await dropUnpinnedContents(store.database);
    await assert.rejects(findContent(store.database, contentDigest(someContent)));
    assert.equal((await findContent(store.database, contentDigest(other))).script, 'secret=2');
  },
);

eachDialect('version labels come the latest first', async store => {
  for (const versionLabel of ['a', 'c', 'b'])
    await saveTemplate(store.database, { ...someTemplate, versionLabel }, someTime);
  await saveTemplate(store.database, { ...someTemplate, identifier: 'other', versionLabel: 'z' }, someTime);
  assert.deepEqual(await versionLabels(store.database, someTemplate), ['b', 'c', 'a']);
});

eachDialect(
  'the latest of the rest is stable when the stable version is deleted, and the last takes the template along',
  async store => {
    for (const versionLabel of ['a', 'b', 'c'])
      await saveTemplate(store.database, { ...someTemplate, versionLabel }, someTime, 'template-uuid');
    await deleteTemplateVersion(store.database, { ...someTemplate, versionLabel: 'a' });
    assert.equal((await findTemplateByUuid(store.database, 'template-uuid'))?.versionLabel, 'c');
    for (const versionLabel of ['b', 'c'])
      await deleteTemplateVersion(store.database, { ...someTemplate, versionLabel });
    assert.equal(await findTemplateByUuid(store.database, 'template-uuid'), undefined);
    assert.deepEqual(await store.database.selectFrom('template_contents').selectAll().execute(), []);
  },
);

eachDialect('a version that a connector pins cannot be deleted', async store => {
  await saveTemplate(store.database, someTemplate, someTime);
  await insertConnector(store.database, someConnector, someTime);
  await assert.rejects(deleteTemplateVersion(store.database, someTemplate), /foreign key/i);
});

eachDialect('a list holds the asked scopes only, and nothing without one', async store => {
  for (const scope of ['account', 'org/a', 'org/a/b'] as const)
    await saveTemplate(store.database, { ...someTemplate, scope }, someTime);
  const listed = async (...scopes: (typeof someTemplate.scope)[]) =>
    (await listTemplates(store.database, scopes)).map(({ scope }) => scope);
  assert.deepEqual(await listed('account', 'org/a/b'), ['account', 'org/a/b']);
  assert.deepEqual(await listed('org/a'), ['org/a']);
  assert.deepEqual(await listed(), []);
});

eachDialect('a damaged content is noticed', async store => {
  await saveTemplate(store.database, someTemplate, someTime);
  for (const damaged of ['{}', '[]', 'null', JSON.stringify({ ...someContent, inputs: [{ name: 1 }] })]) {
    await sql`update template_contents set content = ${damaged}`.execute(store.database);
    await assert.rejects(findTemplate(store.database, someTemplate), /the store holds/);
  }
});
