/** The agent's end of long polls, against a real gateway and through a proxy that loses answers and repeats requests. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer, Agent as TlsAgent } from 'node:https';
import { join } from 'node:path';
import test from 'node:test';
import { type Channel, frameText, pollPath, pollSteps, systemClock } from '../protocol/index.ts';
import { eventually, type ListeningGateway, listeningGateway, someHello } from '../test/harness/gateway.ts';
import { type PlainProxy, plainProxy } from '../test/harness/plain-proxy.ts';
import { aTask } from '../test/harness/task.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { openPolling } from './polling-channel.ts';

const { signal } = new AbortController();
/** Failures are followed by another try at once. */
const random = () => 0;

interface Polled {
  readonly channel: Channel;
  readonly frames: Readonly<Record<string, unknown>>[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

async function opened(port: number, token = 'any'): Promise<Polled> {
  const url = new URL(`ws://127.0.0.1:${port}`);
  const result = await openPolling({ url, token, clock: systemClock, random, signal });
  if ('problem' in result) throw new Error(result.problem);
  const channel = result.socket;
  const frames: Readonly<Record<string, unknown>>[] = [];
  channel.on('message', data => frames.push(JSON.parse(frameText(data))));
  const closed = new Promise<{ code: number; reason: string }>(resolve =>
    channel.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  return { channel, frames, closed };
}

/** One that has said hello and was welcomed. */
async function joined(gateway: ListeningGateway, proxy: PlainProxy): Promise<Polled> {
  const polled = await opened(proxy.port);
  polled.channel.send(JSON.stringify(someHello));
  await eventually(() => polled.frames.length > 0);
  assert.equal(gateway.links.length, 1);
  return polled;
}

/** What a delegate says of a task, with a value of 22 chunks. */
function reports(task: string): string[] {
  const id = { task, attempt: 1 };
  const sealed = `${'a'.repeat(60_000)}.b.c.d.e`;
  const values = Array.from({ length: 22 }, (_, seq) => ({
    type: 'value',
    ...id,
    seq,
    final: seq === 21,
    sealed,
  }));
  const all = [
    { type: 'accepted', ...id },
    ...values,
    { type: 'succeeded', ...id, chunks: 22, durationMs: 1 },
  ];
  return all.map(one => JSON.stringify(one));
}

for (const what of ['nothing is lost', 'every answer is lost once', 'every request comes twice'] as const)
  test(`frames come once and in order in both directions while ${what}`, async () => {
    await using gateway = await listeningGateway();
    await using proxy = await plainProxy(gateway.port);
    if (what === 'every answer is lost once') proxy.lose(path => !path.endsWith('/open'));
    if (what === 'every request comes twice') proxy.repeat('/send');
    const { channel, frames } = await joined(gateway, proxy);
    const [link] = gateway.links;
    for (const task of ['one', 'two']) {
      const attempt = link?.start(aTask({ task }));
      await eventually(() => frames.some(frame => frame.task === task));
      for (const report of reports(task)) channel.send(report);
      // Its queue throws for a report that is out of place, or comes twice.
      const types: string[] = [];
      while (types.at(-1) !== 'succeeded') types.push((await attempt?.next())?.type ?? '');
      assert.equal(types.length, 24);
    }
    assert.deepEqual(
      frames.map(({ type }) => type),
      ['welcome', 'task', 'task'],
    );
    assert.equal(gateway.links.length, 1);
    if (what === 'every answer is lost once') assert.ok(proxy.lost() > 8, String(proxy.lost()));
    channel.terminate();
  });

test('a sender is held to the pace of the other side once a body is full', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  const { channel } = await joined(gateway, proxy);
  const attempt = gateway.links[0]?.start(aTask({ task: 't' }));
  let room = 0;
  for (const report of reports('t'))
    channel.send(report, () => {
      room += 1;
    });
  assert.ok(room >= 4 && room < 10, `${room} frames were taken at once`);
  await eventually(() => room === 24);
  while ((await attempt?.next())?.type !== 'succeeded');
  channel.terminate();
});

test('a close of the control plane is told with code and reason, also when the token is refused', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  const refused = await opened(proxy.port, 'unknown');
  assert.deepEqual(await refused.closed, { code: 4401, reason: 'unknown token' });
  const { closed } = await joined(gateway, proxy);
  proxy.lose(path => path.endsWith('/receive'));
  for (const session of gateway.gateway.sessions()) session.cut('revoked');
  assert.deepEqual(await closed, { code: 4412, reason: 'the token was revoked' });
});

test('its own close comes behind what was sent before, once', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  const { channel, closed } = await joined(gateway, proxy);
  proxy.lose(path => path.endsWith('/send'));
  channel.send('{"type":"drained"}');
  channel.close(1000, 'drained');
  channel.send('{"type":"not any more"}');
  assert.deepEqual(await closed, { code: 1000, reason: 'drained' });
  assert.deepEqual(gateway.links, []);
  assert.match(gateway.notes.join('\n'), /delegate disconnected .*"code":1000/);
});

test('a ping is answered, and an ended one asks for nothing any more', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  const { channel, closed } = await joined(gateway, proxy);
  const answered = new Promise<void>(resolve => channel.on('pong', resolve));
  channel.ping();
  await answered;
  channel.terminate();
  assert.equal((await closed).code, 1006);
  const asked = proxy.paths.length;
  let called = false;
  channel.send('{}', () => {
    called = true;
  });
  channel.ping();
  channel.close(1000, '');
  assert.equal(called, true);
  assert.equal(proxy.paths.length, asked);
});

test('a control plane that has forgotten the session is noticed at the next request', async () => {
  const first = await listeningGateway();
  const gateways = { target: first.port };
  await using proxy = await plainProxy(() => gateways.target);
  const { closed } = await joined(first, proxy);
  await using second = await listeningGateway();
  gateways.target = second.port;
  proxy.down(true);
  proxy.down(false);
  assert.equal((await closed).code, 4404);
  await first[Symbol.asyncDispose]();
});

test('over TLS the certificate counts, and connections are made by whoever was handed in', async () => {
  await using gateway = await listeningGateway();
  using folder = temporaryFolder();
  const [key, cert] = [join(folder.path, 'key'), join(folder.path, 'cert')];
  const made = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' ');
  const names = ['-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', '-x509', ...made, ...names, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, answer) => {
    const step = pollSteps.find(one => request.url === `/below${pollPath}/${one}`);
    if (step) gateway.gateway.poll(step, request, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(`wss://localhost:${typeof address === 'object' && address ? address.port : 0}/below`);
  const options = { url, token: 'any', clock: systemClock, signal };
  const stranger = await openPolling(options);
  assert.match('problem' in stranger ? stranger.problem : '', /not from a CA that this delegate trusts/);
  const agent = new TlsAgent({ ca: readFileSync(cert), keepAlive: true });
  const known = await openPolling({ ...options, network: { agentFor: () => agent } });
  assert.ok('socket' in known);
  known.socket.send(JSON.stringify(someHello));
  await eventually(() => gateway.links.length === 1);
  known.socket.terminate();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const answers: [what: string, listener: RequestListener, problem: RegExp][] = [
  [
    'a page of errors',
    (_, answer) => answer.writeHead(502).end('<html>'),
    /unexpected answer to a poll: 502/,
  ],
  [
    'a login page',
    (_, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('hi'),
    /200 and text\/html/,
  ],
  ['a redirect', (_, answer) => answer.writeHead(302, { location: '/x' }).end(), /: 302/],
  ['a broken connection', request => request.socket.destroy(), /socket hang up|ECONNRESET/],
  [
    'something that is no answer',
    (_, answer) => answer.writeHead(200, { 'content-type': 'application/x-ndjson' }).end('hunter2\n'),
    /the first line is not JSON/,
  ],
  [
    'an endless answer',
    (_, answer) =>
      answer.writeHead(200, { 'content-type': 'application/x-ndjson' }).end('x'.repeat(2_000_000)),
    /too large/,
  ],
];
for (const [what, listener, problem] of answers)
  test(`${what} instead of a session is told in words`, async () => {
    const server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const url = new URL(`ws://127.0.0.1:${port}/below`);
    const result = await openPolling({ url, token: 'any', clock: systemClock, signal });
    assert.ok('problem' in result);
    assert.match(result.problem, problem);
    assert.doesNotMatch(result.problem, /hunter2/);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
