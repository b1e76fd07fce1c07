// The control plane's chart, rendered by the real helm for what people do with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { at, keysOf, listAt, named } from './harness/data.ts';
import { folderOf, lint, render } from './harness/helm.ts';
import { checkRules, checkTypes, ofKind, podOf } from './harness/kubernetes.ts';

const chart = 'legate-server';
const postgres = { database: { existingSecret: 'db' }, keyRing: { existingSecret: 'ring' } };
const cases: Readonly<Record<string, object>> = {
  defaults: {},
  postgres,
  'key ring with SQLite': { keyRing: { existingSecret: 'ring', key: 'keys' } },
  'own claim': { persistence: { existingClaim: 'mine' } },
  'postgres with a claim': { ...postgres, persistence: { existingClaim: 'mine' } },
  everything: {
    persistence: { size: '5Gi', storageClass: 'fast', annotations: { a: 'b' } },
    ingress: {
      enabled: true,
      className: 'nginx',
      host: 'legate.example',
      tlsSecret: 'tls',
      annotations: { c: 'd' },
    },
    auditFile: '/var/lib/legate/audit.jsonl',
    graphqlExplorer: true,
    service: { type: 'LoadBalancer', port: 8080, annotations: { e: 'f' } },
    podDisruptionBudget: { enabled: true },
    networkPolicy: {
      ingressFrom: [{ podSelector: {} }],
      egress: [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }],
    },
    extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=400' }],
    extraEnvFrom: [{ configMapRef: { name: 'more' } }],
    extraVolumes: [{ name: 'ca', secret: { secretName: 'ca' } }],
    extraVolumeMounts: [{ name: 'ca', mountPath: '/etc/legate/ca' }],
    initContainers: [{ name: 'wait', image: 'wait:1.0.0' }],
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
    imagePullSecrets: [{ name: 'registry' }],
    commonLabels: { team: 'a' },
    commonAnnotations: { note: 'b' },
    podLabels: { c: 'd' },
    podAnnotations: { e: 'f' },
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ operator: 'Exists' }],
    affinity: { podAffinity: {} },
    priorityClassName: 'high',
  },
};
const rendered = new Map(Object.entries(cases).map(([name, values]) => [name, render(chart, values)]));
const manifests = (name: string) => rendered.get(name) ?? [];
const spec = (name: string) => at(podOf(manifests(name)), 'spec');
const container = (name: string) => listAt(spec(name), 'containers')[0];
const variable = (name: string, which: string) => named(listAt(container(name), 'env'), which);

test('helm finds nothing to say about the chart, with any values', () => {
  for (const [name, values] of Object.entries(cases)) {
    const { code, output } = lint(chart, values);
    assert.equal(code, 0, `${name}: ${output}`);
  }
});

test('every manifest has the fields of the Kubernetes API and no others', () => {
  checkTypes(Object.fromEntries(rendered));
});

test('no values make a pod with privileges, without probes or with an image that is not pinned', () => {
  for (const [name, list] of rendered) {
    try {
      checkRules(list);
    } catch (error) {
      throw new Error(`with ${name}`, { cause: error });
    }
  }
});

test('chart and image have the version of the program', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const about: unknown = parse(readFileSync(join(folderOf(chart), 'Chart.yaml'), 'utf8'));
  assert.deepEqual([at(about, 'version'), at(about, 'appVersion')], [version, version]);
  assert.equal(at(container('defaults'), 'image'), `legate-control-plane:${version}`);
});

test('what can be said in values is what the schema knows, and a mistake is told in words', () => {
  const values: unknown = parse(readFileSync(join(folderOf(chart), 'values.yaml'), 'utf8'));
  const schema: unknown = JSON.parse(readFileSync(join(folderOf(chart), 'values.schema.json'), 'utf8'));
  const known = keysOf(at(schema, 'properties')).filter(name => name !== 'global');
  assert.deepEqual(known.toSorted(), keysOf(values).toSorted());
  const mistakes: [object, RegExp][] = [
    [{ database: { existingSecret: 'db' } }, /keyRing\.existingSecret is required with database/],
    [{ ingress: { enabled: true } }, /ingress\.host is required/],
    [{ replicas: 2 }, /replicas/],
    [{ service: { type: 'Loadbalancer' } }, /service/],
    [{ auditFile: 'audit.jsonl' }, /auditFile/],
  ];
  for (const [wrong, says] of mistakes) assert.throws(() => render(chart, wrong), says);
});

test('with SQLite it is a StatefulSet that keeps its volume, and makes its key ring there', () => {
  const set = ofKind(manifests('defaults'), 'StatefulSet');
  assert.equal(
    at(set, 'spec', 'serviceName'),
    at(ofKind(manifests('defaults'), 'Service'), 'metadata', 'name'),
  );
  assert.equal(at(set, 'spec', 'persistentVolumeClaimRetentionPolicy', 'whenDeleted'), 'Retain');
  assert.equal(listAt(set, 'spec', 'volumeClaimTemplates').length, 1);
  assert.equal(variable('defaults', 'LEGATE_KEY_COMMAND'), undefined);
  assert.equal(variable('defaults', 'LEGATE_DATABASE_URL'), undefined);
  const claimed = named(listAt(spec('own claim'), 'volumes'), 'data');
  assert.equal(at(claimed, 'persistentVolumeClaim', 'claimName'), 'mine');
});

test('the data folder is below the root of the volume, whose rights change at most once', () => {
  const mount = named(listAt(container('defaults'), 'volumeMounts'), 'data');
  assert.equal(at(mount, 'mountPath'), '/var/lib/legate');
  assert.equal(at(variable('defaults', 'LEGATE_DATA'), 'value'), '/var/lib/legate/data');
  assert.equal(at(spec('defaults'), 'securityContext', 'fsGroupChangePolicy'), 'OnRootMismatch');
});

test('with a Postgres it is a Deployment that ends the old server first, with URL and key ring from Secrets', () => {
  const deployment = ofKind(manifests('postgres'), 'Deployment');
  assert.equal(at(deployment, 'spec', 'strategy', 'type'), 'Recreate');
  assert.equal(at(deployment, 'spec', 'replicas'), 1);
  const url = at(variable('postgres', 'LEGATE_DATABASE_URL'), 'valueFrom', 'secretKeyRef');
  assert.deepEqual(url, { name: 'db', key: 'DATABASE_URL' });
  assert.equal(at(variable('postgres', 'LEGATE_KEY_COMMAND'), 'value'), 'cat /run/secrets/legate/key-ring');
  const ring = named(listAt(spec('postgres'), 'volumes'), 'key-ring');
  assert.deepEqual(at(ring, 'secret'), { secretName: 'ring', defaultMode: 0o440 });
  const command = at(variable('key ring with SQLite', 'LEGATE_KEY_COMMAND'), 'value');
  assert.equal(command, 'cat /run/secrets/legate/keys');
});

test('an ingress leads to the service, and the service to the pod', () => {
  assert.equal(ofKind(manifests('defaults'), 'Ingress'), undefined);
  const rule = at(ofKind(manifests('everything'), 'Ingress'), 'spec', 'rules', 0);
  const backend = at(rule, 'http', 'paths', 0, 'backend', 'service');
  const service = ofKind(manifests('everything'), 'Service');
  assert.equal(at(backend, 'name'), at(service, 'metadata', 'name'));
  assert.equal(at(backend, 'port', 'name'), at(service, 'spec', 'ports', 0, 'name'));
  const target = at(service, 'spec', 'ports', 0, 'targetPort');
  assert.ok(named(listAt(container('everything'), 'ports'), String(target)));
});
