// The delegate's chart, rendered by the real helm for what people do with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { at, keysOf, listAt, named } from './harness/data.ts';
import { folderOf, lint, render } from './harness/helm.ts';
import { checkRules, checkTypes, ofKind, podOf } from './harness/kubernetes.ts';

const chart = 'legate-agent';
const least = { managerEndpoint: 'https://legate.example', existingDelegateToken: 'token' };
const cases: Readonly<Record<string, object>> = {
  least,
  'token as a value': { managerEndpoint: 'https://legate.example', delegateToken: 'ldt_secret' },
  'service account': {
    managerEndpoint: 'https://legate.example',
    serviceAccountToken: { audience: 'legate', expirationSeconds: 1_800 },
  },
  scaled: {
    ...least,
    autoscaling: { enabled: true, targetMemoryUtilizationPercentage: 70 },
    deploymentStrategy: 'Recreate',
  },
  'own certificates': {
    ...least,
    delegateCustomCa: { secretName: 'own-ca' },
    mTLS: { secretName: 'client' },
  },
  tools: {
    ...least,
    initScript: 'echo "$$ $(NAME)"\n',
    custom_init_containers: [
      {
        name: 'tools',
        image: 'tools:1.0.0',
        command: ['cp', '/vault', '/tools'],
        volumeMounts: [{ name: 'tools', mountPath: '/tools' }],
      },
    ],
    custom_envs: [{ name: 'LEGATE_SCRIPT_ENV', value: 'VAULT_ADDR' }],
    custom_env_from: [{ secretRef: { name: 'proxy' } }],
    custom_volumes: [{ name: 'store', configMap: { name: 'store' } }],
    custom_mounts: [{ name: 'store', mountPath: '/store', readOnly: true }],
    custom_containers: [{ name: 'sidecar', image: 'sidecar:1.0.0' }],
  },
  // A values file that was written for Harness's chart.
  'values of Harness': {
    accountId: 'AbCdEf',
    managerEndpoint: 'https://legate.example',
    delegateName: 'edge',
    tags: 'aws, eu',
    description: 'near the vault',
    existingDelegateToken: 'harness-token',
    initScript: '',
    replicas: 2,
    cpu: 1,
    memory: 2048,
    pollForTasks: 'false',
    mTLS: { secretName: '' },
    delegateCustomCa: { secretName: null },
    custom_envs: null,
    custom_mounts: null,
    custom_volumes: null,
  },
  everything: {
    ...least,
    replicas: 3,
    image: { repository: 'registry.example/legate-agent', digest: `sha256:${'0a'.repeat(32)}` },
    imagePullSecrets: [{ name: 'registry' }],
    networkPolicy: {
      ingressFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
      egress: [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 443, protocol: 'TCP' }] }],
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
    ],
    resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } },
    serviceAccount: { create: false, name: 'ours' },
    commonLabels: { team: 'a' },
    commonAnnotations: { note: 'b' },
    podLabels: { c: 'd' },
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'k', operator: 'Exists' }],
    priorityClassName: 'high',
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['192.0.2.1'] },
    affinity: { nodeAffinity: {} },
    fullnameOverride: 'edge',
  },
};
const rendered = new Map(Object.entries(cases).map(([name, values]) => [name, render(chart, values)]));
const manifests = (name: string) => rendered.get(name) ?? [];
const container = (name: string) => listAt(podOf(manifests(name)), 'spec', 'containers')[0];
const variable = (name: string, which: string) => named(listAt(container(name), 'env'), which);

test('helm finds nothing to say about the chart, with any values', () => {
  for (const [name, values] of Object.entries(cases)) {
    const { code, output } = lint(chart, values);
    assert.equal(code, 0, `${name}: ${output}`);
  }
});

test('every manifest has the fields of the Kubernetes API and no others', () => {
  checkTypes(Object.fromEntries(rendered));
  assert.throws(() => checkTypes({ wrong: [{ apiVersion: 'v1', kind: 'Secret', dta: {} }] }), /dta/);
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
  assert.equal(at(about, 'version'), version);
  assert.equal(at(about, 'appVersion'), version);
  assert.equal(at(container('least'), 'image'), `legate-agent:${version}`);
});

test('what can be said in values is what the schema knows, and a mistake is told in words', () => {
  const values: unknown = parse(readFileSync(join(folderOf(chart), 'values.yaml'), 'utf8'));
  const schema: unknown = JSON.parse(readFileSync(join(folderOf(chart), 'values.schema.json'), 'utf8'));
  const known = keysOf(at(schema, 'properties')).filter(name => name !== 'global');
  assert.deepEqual(known.toSorted(), keysOf(values).toSorted());
  const mistakes: [object, RegExp][] = [
    [{ existingDelegateToken: 'token' }, /managerEndpoint is required: the address of the control plane/],
    [{ managerEndpoint: 'https://l' }, /existingDelegateToken .* or delegateToken is required/],
    [{ ...least, serviceAccountToken: { audience: 'legate' } }, /takes the place of existingDelegateToken/],
    [
      { managerEndpoint: 'https://l', serviceAccountToken: { audience: 'legate', expirationSeconds: 599 } },
      /expirationSeconds/,
    ],
    [{ ...least, drainTimeoutSeconds: 600 }, /must be longer than drainTimeoutSeconds/],
    [
      { ...least, autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 3 } },
      /maxReplicas must be at least/,
    ],
    [{ ...least, replicas: 'two' }, /replicas/],
    [{ ...least, managerEndpiont: 'x' }, /managerEndpiont/],
    [{ ...least, logLevel: 'loud' }, /logLevel/],
  ];
  for (const [wrong, says] of mistakes) assert.throws(() => render(chart, wrong), says);
});

test('the token is a file, and in no environment', () => {
  for (const [name, secret] of [
    ['least', 'token'],
    ['token as a value', 'try-legate-agent-token'],
    ['values of Harness', 'harness-token'],
  ] as const) {
    const file = at(variable(name, 'LEGATE_TOKEN_FILE'), 'value');
    assert.equal(file, '/run/secrets/legate/DELEGATE_TOKEN');
    const volume = named(listAt(podOf(manifests(name)), 'spec', 'volumes'), 'token');
    assert.deepEqual(at(volume, 'secret'), { secretName: secret, defaultMode: 0o440 });
    assert.doesNotMatch(JSON.stringify(listAt(container(name), 'env')), /ldt_secret/);
  }
  assert.equal(ofKind(manifests('least'), 'Secret'), undefined);
  const made = ofKind(manifests('token as a value'), 'Secret');
  assert.equal(Buffer.from(String(at(made, 'data', 'DELEGATE_TOKEN')), 'base64').toString(), 'ldt_secret');
});

test('a token of the service account takes the place of a Secret, and grants nothing in the cluster', () => {
  const list = manifests('service account');
  const volume = named(listAt(podOf(list), 'spec', 'volumes'), 'token');
  const serviceAccountToken = { audience: 'legate', expirationSeconds: 1_800, path: 'DELEGATE_TOKEN' };
  assert.deepEqual(at(volume, 'projected'), { defaultMode: 0o440, sources: [{ serviceAccountToken }] });
  assert.equal(at(volume, 'secret'), undefined);
  const file = at(variable('service account', 'LEGATE_TOKEN_FILE'), 'value');
  assert.equal(file, '/run/secrets/legate/DELEGATE_TOKEN');
  assert.equal(ofKind(list, 'Secret'), undefined);
  assert.equal(at(podOf(list), 'spec', 'automountServiceAccountToken'), false);
  assert.doesNotMatch(JSON.stringify(list), /checksum\/token|Role/);
});

test('INIT_SCRIPT reaches the container as it was written', () => {
  assert.equal(at(ofKind(manifests('tools'), 'ConfigMap'), 'data', 'init.sh'), 'echo "$$ $(NAME)"\n');
  assert.equal(
    at(variable('tools', 'INIT_SCRIPT'), 'value'),
    undefined,
    'Kubernetes expands $( ) and $$ in values',
  );
  assert.equal(at(variable('tools', 'LEGATE_INIT_TIMEOUT'), 'value'), '600');
  assert.equal(variable('least', 'INIT_SCRIPT'), undefined);
});

test('a drain fits into the time that Kubernetes gives', () => {
  const drain = Number(at(variable('least', 'LEGATE_DRAIN_TIMEOUT'), 'value'));
  assert.ok(Number(at(podOf(manifests('least')), 'spec', 'terminationGracePeriodSeconds')) > drain + 10);
});

test('a budget is there for two replicas or more, and a scaled delegate has no fixed number of them', () => {
  assert.equal(ofKind(manifests('least'), 'PodDisruptionBudget'), undefined);
  assert.equal(at(ofKind(manifests('everything'), 'PodDisruptionBudget'), 'spec', 'maxUnavailable'), 1);
  const scaler = ofKind(manifests('scaled'), 'HorizontalPodAutoscaler');
  assert.equal(at(scaler, 'spec', 'scaleTargetRef', 'name'), 'try-legate-agent');
  assert.equal(listAt(scaler, 'spec', 'metrics').length, 2);
  assert.equal(at(ofKind(manifests('scaled'), 'Deployment'), 'spec', 'replicas'), undefined);
  assert.ok(ofKind(manifests('scaled'), 'PodDisruptionBudget'));
});

test('nothing connects to a delegate, and where egress is listed names can still be resolved', () => {
  assert.deepEqual(at(ofKind(manifests('least'), 'NetworkPolicy'), 'spec', 'ingress'), []);
  assert.deepEqual(at(ofKind(manifests('least'), 'NetworkPolicy'), 'spec', 'policyTypes'), ['Ingress']);
  const policy = ofKind(manifests('everything'), 'NetworkPolicy');
  assert.deepEqual(at(policy, 'spec', 'policyTypes'), ['Ingress', 'Egress']);
  assert.deepEqual(
    listAt(policy, 'spec', 'egress', 0, 'ports').map(port => at(port, 'port')),
    [53, 53],
  );
  assert.equal(at(policy, 'spec', 'ingress', 0, 'ports', 0, 'port'), 'health');
});

test('certificates are mounted where the image and the agent look for them', () => {
  const mounts = listAt(container('own certificates'), 'volumeMounts');
  assert.equal(at(named(mounts, 'custom-ca'), 'mountPath'), '/opt/harness-delegate/ca-bundle');
  assert.equal(at(named(mounts, 'mtls'), 'mountPath'), '/etc/mtls');
  assert.equal(
    at(variable('own certificates', 'DELEGATE_CLIENT_CERTIFICATE_PATH'), 'value'),
    '/etc/mtls/client.crt',
  );
});

test('replicas are spread over nodes and zones by default', () => {
  const keys = listAt(podOf(manifests('least')), 'spec', 'topologySpreadConstraints').map(each =>
    at(each, 'topologyKey'),
  );
  assert.deepEqual(keys, ['kubernetes.io/hostname', 'topology.kubernetes.io/zone']);
});
