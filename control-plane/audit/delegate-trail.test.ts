import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { AuditError } from './audit.ts';
import { DelegateTrail, type TrailEvent } from './delegate-trail.ts';
import type { AuditEntry } from './record.ts';

const token = { id: 'id-1', name: 'edges', scope: 'org/one' } as const;
const joined: TrailEvent = {
  kind: 'joined',
  token,
  delegate: 'edge',
  instance: 'i',
  agentVersion: '1',
  address: '10.0.0.1',
};
const refused: TrailEvent = {
  kind: 'refused',
  token: undefined,
  delegate: undefined,
  address: '10.0.0.1',
  reason: 'badToken',
};

function trail(record: (entry: AuditEntry) => Promise<void> = async () => {}) {
  const clock = new FakeClock();
  const entries: AuditEntry[] = [];
  const failures: unknown[] = [];
  const audit = {
    record: (entry: AuditEntry) => {
      entries.push(entry);
      return record(entry);
    },
  };
  const own = new DelegateTrail({ audit, clock, failed: error => void failures.push(error) });
  return { clock, entries, failures, trail: own };
}

test('an event is a record: by the token, about the delegate, for those who administer its scope', async () => {
  const { entries, trail: own } = trail();
  own.add(joined);
  own.add(refused);
  await own.close();
  assert.deepEqual(
    entries.map(entry => ({ ...entry, id: '' })),
    [
      {
        type: 'event',
        id: '',
        actor: { id: 'id-1', name: 'delegate-token/edges' },
        source: '10.0.0.1',
        action: 'delegate.joined',
        subject: 'delegate/edge',
        delegate: 'edge',
        scope: 'org/one',
        details: { instance: 'i', agentVersion: '1' },
      },
      {
        type: 'event',
        id: '',
        actor: { id: '', name: 'unknown' },
        source: '10.0.0.1',
        action: 'delegate.refused',
        outcome: 'denied',
        reason: 'badToken',
        details: {},
      },
    ],
  );
});

test('a hot loop of refused agents costs two records a minute, whatever they call themselves', async () => {
  const { clock, entries, trail: own } = trail();
  for (let n = 0; n < 10_000; n++) own.add({ ...refused, delegate: `name-${n}` });
  own.add({ ...refused, address: '10.0.0.2' });
  assert.equal(entries.length, 2);
  await clock.advance(60_000);
  assert.deepEqual(
    entries.map(({ source, details }) => [source, details?.more]),
    [
      ['10.0.0.1', undefined],
      ['10.0.0.2', undefined],
      ['10.0.0.1', 9_999],
    ],
  );
  own.add(refused);
  assert.equal(entries.length, 4);
  await own.close();
  clock.assertNoTimers();
});

test('one that comes and goes is recorded 20 times a minute, and the rest is counted, also when the server stops', async () => {
  const { clock, entries, trail: own } = trail();
  for (let n = 0; n < 50; n++) own.add(joined);
  assert.equal(entries.length, 20);
  await own.close();
  assert.equal(entries.at(-1)?.details?.more, 30);
  clock.assertNoTimers();
});

test('however many different things there are, the memory of them is bounded', async () => {
  const { clock, entries, trail: own } = trail();
  for (let n = 0; n < 6_000; n++) own.add({ ...refused, address: `address-${n}` });
  assert.equal(entries.length, 5_001);
  assert.ok(clock.pending().length <= 5_001);
  await own.close();
});

test('a trail that cannot be written is told, and nothing else happens', async () => {
  const { failures, trail: own } = trail(async () => {
    throw new AuditError('full');
  });
  own.add(joined);
  await own.close();
  assert.equal(failures.length, 1);
});
