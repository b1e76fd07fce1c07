import assert from 'node:assert/strict';
import test from 'node:test';
import { anEntry } from '../../test/harness/audit.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { accessDenied, RequestError } from '../domain/errors.ts';
import type { Recorder } from './audit.ts';
import { audited } from './audited.ts';
import type { AuditEntry } from './record.ts';

const { type: _, id: __, ...about } = anEntry({ subject: 'account.x' });

/** Keeps what is recorded; fails from the record on that has this number. */
function recorder(failsFrom = Infinity): Recorder & { entries: AuditEntry[] } {
  const entries: AuditEntry[] = [];
  return {
    entries,
    async record(entry) {
      if (entries.length >= failsFrom) throw new Error('the trail cannot be written');
      entries.push(entry);
    },
  };
}

test('a request has a record before anything is done, and one when it is over', async () => {
  const audit = recorder();
  const clock = new FakeClock();
  const result = await audited(audit, clock, about, async ({ note }) => {
    assert.equal(audit.entries.length, 1);
    note({ scope: 'org/payments' });
    note({ details: { count: 2 } });
    await clock.advance(12.4);
    return 'done';
  });
  assert.equal(result, 'done');
  const [request, response] = audit.entries;
  assert.deepEqual(request, { ...about, type: 'request', id: request?.id });
  assert.deepEqual(response, {
    ...about,
    type: 'response',
    id: request?.id,
    scope: 'org/payments',
    details: { count: 2 },
    outcome: 'succeeded',
    durationMs: 12,
  });
});

test('nothing is done where the request cannot be recorded', async () => {
  const work = audited(recorder(0), new FakeClock(), about, () => assert.fail('it was done'));
  await assert.rejects(work, /the trail cannot be written/);
});

test('nobody hears of success where the response cannot be recorded', async () => {
  await assert.rejects(
    audited(recorder(1), new FakeClock(), about, async () => 'done'),
    /the trail cannot be written/,
  );
});

test('what fails is recorded by its code: the text of an error may quote what was sent', async () => {
  const cases: [error: Error, outcome: string, reason: string][] = [
    [new RequestError('INVALID_REQUEST', 'got "hunter2"'), 'failed', 'INVALID_REQUEST'],
    [new RequestError('RESOURCE_NOT_FOUND', 'no hunter2'), 'failed', 'RESOURCE_NOT_FOUND'],
    [accessDenied(), 'denied', 'ACCESS_DENIED'],
    [new Error('hunter2'), 'failed', 'internal'],
  ];
  for (const [error, outcome, reason] of cases) {
    const audit = recorder();
    await assert.rejects(
      audited(audit, new FakeClock(), about, () => Promise.reject(error)),
      error,
    );
    assert.deepEqual([audit.entries[1]?.outcome, audit.entries[1]?.reason], [outcome, reason]);
    assert.doesNotMatch(JSON.stringify(audit.entries), /hunter2/);
  }
});
