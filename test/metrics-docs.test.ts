// The tables of docs/metrics.md are what there is: names, types and labels, in both directions.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { agentMetrics } from '../agent/observe/metrics.ts';
import { Roster } from '../control-plane/dispatch/roster.ts';
import { serverMetrics } from '../control-plane/observe/metrics.ts';
import { systemClock } from '../protocol/index.ts';
import { recipient, somePlan } from './harness/dispatching.ts';
import { FakeLink } from './harness/fake-link.ts';
import { type Metric, parseMetrics } from './harness/metrics.ts';

const documentText = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');

/** The rows of the tables below a heading, as `name type labels`. */
function documented(heading: string): string[] {
  const section = documentText.split(/^## /m).find(part => part.startsWith(`${heading}\n`));
  assert.ok(section, `docs/metrics.md has no section "${heading}"`);
  return [...section.matchAll(/^\| `([^`]+)` \| (\w+) \|(.*?)\| .+ \|$/gm)]
    .map(
      ([, name, type, labels = '']) => `${name} ${type} ${(labels.match(/[a-z_]+/g) ?? []).sort().join(',')}`,
    )
    .sort();
}

const isOfNode = (name: string) => /^(process|nodejs)_/.test(name);

function found(metrics: ReadonlyMap<string, Metric>, which: (name: string) => boolean): string[] {
  return [...metrics]
    .filter(([name]) => which(name))
    .map(([name, { type, labels }]) => `${name} ${type} ${[...labels].sort().join(',')}`)
    .sort();
}

async function* noChunks() {}

/** An agent to which everything has happened that is counted. */
async function ofAgent(): Promise<Map<string, Metric>> {
  const metrics = agentMetrics({
    name: 'edge',
    compatible: true,
    look: () => ({
      running: 1,
      capacity: 2,
      connected: true,
      draining: false,
      silenceMs: 0,
      lagMs: 0,
      aboveThreshold: false,
      certificateEnds: 0,
    }),
  });
  const outcome = { ok: false, reason: 'timed-out', durationMs: 1, log: '' } as const;
  metrics.connected();
  metrics.rejected('at-capacity', true);
  metrics.ended(outcome, 2);
  metrics.ended({ ok: true, chunks: noChunks(), ageMs: 1, durationMs: 0, log: '' }, 2);
  metrics.syntheticEnded(outcome);
  metrics.redacted(1);
  return parseMetrics((await metrics.text()).text);
}

async function ofServer(): Promise<Map<string, Metric>> {
  const metrics = serverMetrics();
  const roster = new Roster();
  roster.add(new FakeLink());
  metrics.watch(roster);
  metrics.watchCertificate(() => undefined);
  const run = metrics.measured(async function* () {
    yield { event: 'accepted', task: 't', attempt: 1, delegate: 'd' };
    yield { event: 'failed', task: 't', attempt: 1, failure: { reason: 'no-eligible-delegate' } };
  }, systemClock);
  const { signal } = new AbortController();
  for await (const _ of run({ plan: somePlan, recipient, signal, logs: false }));
  metrics.request('GET', '/livez', 200, 1);
  metrics.joined();
  metrics.left();
  metrics.refused(4401);
  metrics.auditFailed();
  metrics.synthetic('succeeded', 1);
  return parseMetrics((await metrics.text()).text);
}

test('the delegate has the metrics that are documented, and no others', async () => {
  const metrics = await ofAgent();
  assert.deepEqual(
    found(metrics, name => name.startsWith('legate_')),
    documented('Of a delegate'),
  );
  assert.deepEqual(
    found(metrics, name => name.startsWith('io_harness_')),
    documented("Under Harness' names"),
  );
});

test('the control plane has the metrics that are documented, and no others', async () => {
  assert.deepEqual(
    found(await ofServer(), name => !isOfNode(name)),
    documented('Of the control plane'),
  );
});

test('both have those of a process, as documented', async () => {
  for (const metrics of [await ofAgent(), await ofServer()]) {
    const names = found(metrics, isOfNode).map(row => row.split(' ').slice(0, 2).join(' '));
    const rows = documented('Of both processes').map(row => row.split(' ').slice(0, 2).join(' '));
    assert.deepEqual(names, rows);
  }
});
