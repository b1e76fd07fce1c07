import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { systemClock } from '../../protocol/index.ts';
import { hostProgram } from '../script/host-bootstrap.ts';
import type { RemoteExit } from '../ssh/connection.ts';
import { runOver } from './host-run.ts';
import { timeLimit } from './time-limit.ts';

test('a host that talks without end before it begins takes no more than a bounded part of our memory', async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const exit = Promise.withResolvers<RemoteExit>();
  stdin.once('data', (bytes: Buffer) => {
    stderr.write(`${bytes.toString().slice(hostProgram.length).split(' ')[0]}\n`);
    for (let at = 0; at < 64; at += 1) stderr.write(`${'x'.repeat(65_535)}\n`);
    stderr.end();
    stdout.end();
    exit.resolve({ lost: 'it went' });
  });
  const credential = { kind: 'delegate', name: 'deploy' } as const;
  const limit = timeLimit({ remainingMs: 10_000, signal: new AbortController().signal }, systemClock);
  let handedOn = 0;
  try {
    await runOver(
      { stdin, stdout, stderr, exit: exit.promise, close() {} },
      {
        run: { program: '', inputs: [] },
        target: { host: 'db1', port: 22, user: 'deploy', hostKeys: [], credential, jumps: [] },
        limit,
        clock: systemClock,
        graceMs: 100,
        keepLog: true,
        step() {},
        onErrorOutput: chunk => {
          handedOn += chunk.length;
        },
      },
    );
  } finally {
    limit.stop();
  }
  // What it held back it hands on in the end.
  await new Promise(next => setImmediate(next));
  assert.ok(handedOn <= 65_536, `${handedOn} bytes`);
});
