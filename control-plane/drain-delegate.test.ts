import assert from 'node:assert/strict';
import { eachDialect, someTime } from '../test/harness/database.ts';
import { FakeLink } from '../test/harness/fake-link.ts';
import { refusalOf, someCaller, toolsFor } from '../test/harness/tools.ts';
import { Roster } from './dispatch/roster.ts';
import { refreshDrained, setDrained } from './drain-delegate.ts';
import { saveDelegateJoined, saveDelegateLeft } from './store/access.ts';
import { findDelegateRow } from './store/delegates.ts';

const edge = { name: 'edge', scope: 'org/one', hostName: '', tags: [], agentVersion: '0' } as const;

eachDialect('a drain is of the name: kept, recorded with its change, and undone', async ({ database }) => {
  const tools = await toolsFor(database);
  await saveDelegateJoined(database, edge, someTime);
  const admin = someCaller({ role: 'admin', scope: 'org/one' });
  await setDrained(tools, admin, 'edge', true);
  await setDrained(tools, admin, 'edge', true);
  assert.equal(tools.roster.drainedAt('edge'), someTime);
  // Whoever comes and goes, and with whatever token.
  await saveDelegateLeft(database, 'edge', someTime);
  await saveDelegateJoined(database, edge, someTime);
  assert.equal((await findDelegateRow(database, 'edge'))?.drainedAt, someTime);
  await setDrained(tools, admin, 'edge', false);
  assert.deepEqual(
    [tools.roster.drainedAt('edge'), (await findDelegateRow(database, 'edge'))?.drainedAt],
    [undefined, undefined],
  );
  const trail = (await tools.trail()).map(({ type, action, subject, scope, outcome }) =>
    [type, action, subject, scope, outcome].filter(Boolean).join(' '),
  );
  const about = (verb: string) => `delegate.${verb} delegate/edge`;
  assert.deepEqual(trail, [
    `request ${about('drain')}`,
    `change ${about('drain')} org/one succeeded`,
    `response ${about('drain')} org/one succeeded`,
    `request ${about('drain')}`,
    `response ${about('drain')} org/one succeeded`,
    `request ${about('undrain')}`,
    `change ${about('undrain')} org/one succeeded`,
    `response ${about('undrain')} org/one succeeded`,
  ]);
});

eachDialect('nobody drains what is not there, or not theirs', async ({ database }) => {
  const tools = await toolsFor(database);
  await saveDelegateJoined(database, edge, someTime);
  const viewer = someCaller({ role: 'editor', scope: 'org/one' });
  assert.equal((await refusalOf(setDrained(tools, viewer, 'edge', true))).code, 'ACCESS_DENIED');
  const stranger = someCaller({ role: 'admin', scope: 'org/two' });
  for (const name of ['edge', 'nobody'])
    assert.equal(
      (await refusalOf(setDrained(tools, stranger, name, true))).message,
      `Resource not found: there is no delegate named "${name}"`,
    );
  assert.equal(tools.roster.drainedAt('edge'), undefined);
});

eachDialect('what another server drains counts here when it is looked at', async ({ database }) => {
  const tools = await toolsFor(database);
  await saveDelegateJoined(database, edge, someTime);
  const roster = new Roster();
  roster.add(new FakeLink(edge));
  await setDrained(tools, someCaller(), 'edge', true);
  await refreshDrained({ database, roster });
  assert.equal(roster.isAllowed('edge'), false);
  await setDrained(tools, someCaller(), 'edge', false);
  // Somebody decides here while it is being looked: that is the newer word.
  const looking = refreshDrained({ database, roster });
  roster.setDrained('other', someTime);
  await looking;
  assert.deepEqual(roster.drained(), ['edge', 'other']);
  await refreshDrained({ database, roster });
  assert.deepEqual(roster.drained(), []);
});
