/** How a channel is closed, seen from the host. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { systemClock } from '../../protocol/index.ts';
import { makeKey } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { openChannel } from './channel.ts';

/** A server that gives a channel when `give` says so, and what it hears of the channel's end. */
async function heard(
  give: Promise<void>,
  patienceMs: number,
  then: (opened: Awaited<ReturnType<typeof openChannel>>) => void,
) {
  using folder = temporaryFolder();
  makeKey(folder.file('key'), 'ed25519');
  const ends: string[] = [];
  const over = Promise.withResolvers<void>();
  const server = new ssh2.Server({
    hostKeys: [readFileSync(folder.file('key'))],
    debug(line: string) {
      const [, what] = /Inbound: CHANNEL_(EOF|CLOSE)/.exec(line) ?? [];
      if (what !== undefined) ends.push(what);
      if (what === 'CLOSE') over.resolve();
    },
  });
  server.on('connection', client => {
    client.on('error', () => {});
    client.on('authentication', context => context.accept());
    client.on('session', accept =>
      accept().on('exec', run => {
        void give.then(() => run());
      }),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const { port } = address;
  const client = new ssh2.Client();
  try {
    await new Promise((resolve, reject) => {
      client.once('ready', () => resolve(undefined));
      client.once('error', reject);
      client.connect({ host: '127.0.0.1', port, username: 'deploy' });
    });
    const life = { closed: new Promise<string>(() => {}), why: () => undefined };
    then(await openChannel(client, 'cat', { patienceMs, life, clock: systemClock }));
    await over.promise;
  } finally {
    client.destroy();
    await new Promise<void>(resolve => server.close(() => resolve()));
  }
  return ends;
}

test("a process's channel is closed after its stdin was", async () => {
  const ends = await heard(Promise.resolve(), 10_000, opened => {
    assert.ok('process' in opened);
    opened.process.close();
  });
  assert.deepEqual(ends, ['EOF', 'CLOSE']);
});

test('so is one that comes when nobody waits for it any more', async () => {
  const late = Promise.withResolvers<void>();
  const ends = await heard(late.promise, 1, opened => {
    assert.ok('gone' in opened);
    late.resolve();
  });
  assert.deepEqual(ends, ['EOF', 'CLOSE']);
});
