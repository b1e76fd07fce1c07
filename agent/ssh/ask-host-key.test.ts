import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { askHostKey } from './ask-host-key.ts';

test('a host that says nothing is not waited for when the task is called off', async () => {
  const clock = new FakeClock();
  const calling = new AbortController();
  const stream = new PassThrough();
  const deadline = { clock, at: clock.now() + 10_000, signal: calling.signal };
  const asking = askHostKey(stream, ['ssh-ed25519'], false, deadline);
  calling.abort(new Error('called off'));
  await assert.rejects(asking, /called off/);
  assert.ok(stream.destroyed);
});
