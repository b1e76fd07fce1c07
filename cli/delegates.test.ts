import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { describe, drainDelegate } from './delegates.ts';

const found = {
  name: 'edge',
  state: 'connected',
  status: 'ENABLED',
  scope: 'account',
  tags: ['eu', 'two words'],
  running: 3,
  capacity: 50,
  versions: ['0.0.9', '0.1.0'],
  serverVersion: '0.1.0',
  firstConnectedAt: 't0',
  lastConnectedAt: 't1',
  instances: [
    {
      instance: 'one',
      state: 'connected',
      hostName: 'h\u001b[2J',
      agentVersion: '0.0.9',
      versionNote: 'update available: 0.1.0',
      connectedAt: 't1',
      lastHeartbeatAt: 't2',
      running: 3,
      capacity: 50,
    },
  ],
  failures: [{ at: 't3', reason: 'script-failed', connector: 'account.kv', instance: 'one', task: 'x' }],
  passedOver: [
    {
      instance: 'one',
      connector: 'account.kv',
      reason: 'internal',
      failures: 3,
      remainingMs: 1_500,
      trying: false,
    },
  ],
};

test('a delegate is shown with its instances, failures and what it is passed over for', () => {
  const text = describe(found);
  for (const line of [
    /^NAME +edge$/m,
    /^STATE +connected$/m,
    /^TAGS +eu, two words$/m,
    /^LOAD +3 of 50$/m,
    /^VERSIONS +0\.0\.9, 0\.1\.0 \(control plane: 0\.1\.0\)$/m,
    /^one +connected +h\ufffd\[2J +0\.0\.9, update available: 0\.1\.0 +t1 +t2 +3 of 50$/m,
    /^t3 +script-failed +account\.kv +one +x$/m,
    /^account\.kv +one +internal +2 s$/m,
  ])
    assert.match(text, line);
});

test('one that is away has no empty tables, and what people decided about it is told', () => {
  const text = describe({
    ...found,
    state: 'disconnected',
    status: 'WAITING_FOR_APPROVAL',
    drainedAt: 't4',
    lastDisconnectedAt: 't5',
    instances: [],
    failures: [],
    passedOver: [],
  });
  assert.match(text, /^STATE +disconnected, waiting for approval, drained by an operator at t4$/m);
  assert.match(text, /^LAST DISCONNECTED +t5$/m);
  assert.doesNotMatch(text, /INSTANCE|FAILED AT|PASSED OVER/);
});

test('draining waits only where it was asked to, and says when something still runs', async () => {
  const lines: string[] = [];
  const output = { out: () => {}, err: (line: string) => void lines.push(line), isTerminal: false };
  const at = scriptedClient({ running: 1 });
  assert.equal(await drainDelegate(at.client, 'a b', 0, output), 0);
  assert.deepEqual(at.asked, [['POST', '/delegates/a%20b/drain', {}]]);
  const ending = scriptedClient({ running: 1 }, { running: 0 });
  assert.equal(await drainDelegate(ending.client, 'edge', 60_000, output), 0);
  assert.deepEqual(ending.asked.at(-1), ['GET', '/delegates/edge']);
  const lasting = scriptedClient(...Array.from({ length: 20 }, () => ({ running: 2 })));
  assert.equal(await drainDelegate(lasting.client, 'edge', 5, output), 1);
  assert.deepEqual(lines.slice(-2), ['edge gets no more tasks; 2 running.', 'They go on; --wait is over.']);
});
