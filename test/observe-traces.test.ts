// One trace from a caller's request to the script, sent by real programs to a collector.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ReceivedSpan, startOtlpReceiver } from './harness/otlp-receiver.ts';
import { becomesTrue, startWorld } from './harness/world.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const callers = '00f067aa0ba902b7';
const toCollector = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '50' });

function find(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter(span => span.name === name);
  assert.equal(found.length, 1, `${name}: ${JSON.stringify(spans)}`);
  return found[0] as ReceivedSpan;
}

test("a caller's trace goes on through the control plane and the delegate to the script", async () => {
  await using collector = await startOtlpReceiver();
  const env = toCollector(collector.url);
  await using world = await startWorld({ env });
  await world.connectedAgent({ env });
  const { secret } = await world.script('echo "of $key" >&2; secret=the-value-of-it', {
    inputs: { key: 'an-input-of-it' },
  });
  const fetched = await fetch(`${world.url}/api/v1/fetch`, {
    method: 'POST',
    headers: {
      'x-api-key': world.apiKey,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-${callers}-01`,
    },
    body: JSON.stringify({ secret }),
  });
  assert.match(await fetched.text(), /"event":"done"/);
  await becomesTrue(() => collector.spans.filter(({ trace }) => trace === traceId).length === 5);
  const spans = collector.spans.filter(({ trace }) => trace === traceId);
  const root = find(spans, 'secret.fetch');
  const [resolve, attempt] = [find(spans, 'resolve'), find(spans, 'attempt')];
  const [task, script] = [find(spans, 'task'), find(spans, 'script')];
  assert.deepEqual(
    [root.parent, resolve.parent, attempt.parent, task.parent, script.parent],
    [callers, root.id, root.id, attempt.id, task.id],
  );
  assert.deepEqual(
    [root, attempt, task, script].map(({ service }) => service),
    ['legate-server', 'legate-server', 'legate-agent', 'legate-agent'],
  );
  assert.deepEqual(
    spans.map(({ failed }) => failed),
    spans.map(() => undefined),
  );
  assert.equal(attempt.attributes['legate.delegate'], 'delegate');
  assert.doesNotMatch(collector.text(), /the-value-of-it|an-input-of-it/);
});

test('a failure is one in the trace; a trace that is not to be sampled is not sent; a malformed one is none', async () => {
  await using collector = await startOtlpReceiver();
  const env = toCollector(collector.url);
  await using world = await startWorld({ env });
  await world.connectedAgent({ env });
  const { secret } = await world.script('exit 3');
  const ask = async (traceparent: string) => {
    const headers = { 'x-api-key': world.apiKey, 'content-type': 'application/json', traceparent };
    const body = JSON.stringify({ secret });
    await (await fetch(`${world.url}/api/v1/fetch`, { method: 'POST', headers, body })).text();
  };
  await ask(`00-${traceId}-${callers}-00`);
  await ask('nonsense');
  await becomesTrue(() => collector.spans.length === 5);
  assert.ok(collector.spans.every(({ trace }) => trace !== traceId));
  const reasons = ['secret.fetch', 'attempt', 'task'].map(name => find(collector.spans, name).failed);
  assert.deepEqual(reasons, ['script-failed', 'script-failed', 'script-failed']);
  assert.equal(find(collector.spans, 'secret.fetch').parent, '');
});

test('without an address nothing of the SDK is loaded, and a delegate without one ignores the trace', async () => {
  await using collector = await startOtlpReceiver();
  await using world = await startWorld({ env: toCollector(collector.url) });
  const loaded = join(world.folder, 'loaded');
  const hook = join(world.folder, 'hook.mjs');
  writeFileSync(
    hook,
    `import { appendFileSync } from 'node:fs';
     import { registerHooks } from 'node:module';
     registerHooks({ load(url, context, next) { appendFileSync('${loaded}', url + '\\n'); return next(url, context); } });`,
  );
  const agent = await world.connectedAgent({ env: { NODE_OPTIONS: `--import=${hook}` } });
  const { secret } = await world.script('secret=v');
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'v');
  await becomesTrue(() => collector.spans.length === 3);
  await agent.stop();
  const modules = readFileSync(loaded, 'utf8');
  assert.match(modules, /prom-client/);
  assert.doesNotMatch(modules, /@opentelemetry\/(sdk|exporter|resources|otlp|core)/);
});

test('a collector that is away costs neither a fetch nor the end of a process', async () => {
  const env = { ...toCollector('http://127.0.0.1:1'), OTEL_BSP_SCHEDULE_DELAY: '50' };
  await using world = await startWorld({ env });
  const agent = await world.connectedAgent({ env });
  const { secret } = await world.script('secret=v');
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'v');
  agent.signal('SIGTERM');
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
});
