import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import test from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { watchLiveness } from './liveness.ts';

const periodMs = 1_000;

/** As much of a websocket as liveness needs; `says` is what the other side does. */
class FakeSocket extends EventEmitter {
  pings = 0;
  terminated = 0;
  /** The other side reads what is said to it. */
  reads = true;

  ping(_data: undefined, _mask: undefined, written: () => void): void {
    this.pings += 1;
    if (this.reads) written();
  }

  terminate(): void {
    this.terminated += 1;
  }

  says(what: 'pong' | 'ping' | 'message'): void {
    this.emit(what);
  }
}

function start() {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const counts = { silences: 0 };
  const stop = watchLiveness(socket, periodMs, clock, () => {
    counts.silences += 1;
  });
  return { clock, socket, counts, stop };
}

test('the other side is pinged once in each period', async () => {
  const { clock, socket, stop } = start();
  for (let period = 1; period <= 5; period += 1) {
    await clock.advance(periodMs);
    assert.equal(socket.pings, period);
    socket.says('pong');
  }
  assert.equal(socket.terminated, 0);
  stop();
});

for (const sign of ['pong', 'ping', 'message'] as const) {
  test(`a ${sign} from the other side is a sign of life`, async () => {
    const { clock, socket, counts, stop } = start();
    for (let period = 0; period < 10; period += 1) {
      await clock.advance(periodMs);
      socket.says(sign);
    }
    assert.equal(socket.terminated, 0);
    assert.equal(counts.silences, 0);
    stop();
  });
}

test('a silence is noticed after one period at least', async () => {
  const { clock, socket, stop } = start();
  await clock.advance(periodMs - 1);
  socket.says('message'); // The last sign of life, just before a ping.
  await clock.advance(periodMs);
  assert.equal(socket.terminated, 0);
  await clock.advance(1);
  assert.equal(socket.terminated, 1);
  stop();
});

test('a silence is noticed after two periods at most', async () => {
  const { clock, socket, stop } = start();
  await clock.advance(periodMs);
  socket.says('message'); // The last sign of life, just after a ping.
  await clock.advance(2 * periodMs - 1);
  assert.equal(socket.terminated, 0);
  await clock.advance(1);
  assert.equal(socket.terminated, 1);
  stop();
});

test('whoever was itself stopped listens for another period before calling it a silence', async () => {
  const { clock, socket, stop } = start();
  await clock.advance(periodMs);
  clock.skip(90 * periodMs);
  await clock.advance(0);
  assert.equal(socket.terminated, 0);
  await clock.advance(periodMs);
  assert.equal(socket.terminated, 1);
  stop();
});

test('a write that takes three periods ends the socket, although the other side says something', async () => {
  const { clock, socket, counts } = start();
  socket.reads = false;
  for (let period = 0; period < 4; period += 1) {
    assert.equal(socket.terminated, 0);
    await clock.advance(periodMs);
    socket.says('message');
  }
  assert.deepEqual([counts.silences, socket.terminated], [1, 1]);
  clock.assertNoTimers();
});

test('a silence is reported once, and nothing is asked of the socket any more', async () => {
  const { clock, socket, counts } = start();
  await clock.advance(10 * periodMs);
  assert.deepEqual([counts.silences, socket.terminated, socket.pings], [1, 1, 1]);
  clock.assertNoTimers();
});

test('a socket that never says anything is given a period to answer its first ping', async () => {
  const { clock, socket, stop } = start();
  await clock.advance(2 * periodMs - 1);
  assert.equal(socket.pings, 1);
  assert.equal(socket.terminated, 0);
  await clock.advance(1);
  assert.equal(socket.terminated, 1);
  stop();
});

test('silence is reported before the socket is ended, so that the reason stands in the log first', async () => {
  const clock = new FakeClock();
  const order: string[] = [];
  const socket = new FakeSocket();
  socket.terminate = () => order.push('terminated');
  const stop = watchLiveness(socket, periodMs, clock, () => order.push('reported'));
  await clock.advance(2 * periodMs);
  stop();
  assert.deepEqual(order, ['reported', 'terminated']);
});

test('a socket that is no longer watched is neither pinged nor ended', async () => {
  const { clock, socket, stop } = start();
  await clock.advance(periodMs);
  stop();
  clock.assertNoTimers();
  await clock.advance(10 * periodMs);
  assert.equal(socket.pings, 1);
  assert.equal(socket.terminated, 0);
});
