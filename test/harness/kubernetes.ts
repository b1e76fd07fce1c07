/** What Kubernetes would say of manifests, as far as it can be known without one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { at, listAt, named } from './data.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the type of each kind is that our charts make. */
const modules: Readonly<Record<string, string>> = {
  'apps/v1': 'apps/v1',
  v1: 'core/v1',
  'autoscaling/v2': 'autoscaling/v2',
  'policy/v1': 'policy/v1',
  'networking.k8s.io/v1': 'networking/v1',
};

/**
 * Holds manifests to the types of the Kubernetes API, by name of the case they belong to: a field that there is not,
 * one that is missing and one of another type are errors, as with strict validation in a cluster.
 */
export function checkTypes(cases: Readonly<Record<string, readonly unknown[]>>): void {
  const lines = ["import type * as all from './all.ts';"];
  const imports = Object.entries(modules).map(
    ([version, module]) => `export type * as ${nameOf(version)} from 'kubernetes-types/${module}';`,
  );
  for (const [name, manifests] of Object.entries(cases)) {
    for (const [index, manifest] of manifests.entries()) {
      const version = String(at(manifest, 'apiVersion'));
      assert.ok(version in modules, `${name}: ${version} is not a version that is known here`);
      const type = `all.${nameOf(version)}.${String(at(manifest, 'kind'))}`;
      lines.push(
        `export const ${nameOf(name)}_${index}: ${type} = ${JSON.stringify(manifest, undefined, 1)};`,
      );
    }
  }
  const caches = join(root, 'node_modules/.cache');
  mkdirSync(caches, { recursive: true });
  const folder = mkdtempSync(join(caches, 'manifests-'));
  try {
    writeFileSync(join(folder, 'all.ts'), `${imports.join('\n')}\n`);
    writeFileSync(join(folder, 'manifests.ts'), `${lines.join('\n')}\n`);
    const options =
      '--ignoreConfig --noEmit --strict --skipLibCheck --module preserve --target esnext --types node';
    const flags = [...options.split(' '), '--allowImportingTsExtensions', 'manifests.ts'];
    const run = spawnSync(join(root, 'node_modules/.bin/tsc'), flags, { cwd: folder, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const nameOf = (text: string) => text.replaceAll(/[^A-Za-z0-9]/g, '_');

/** The one manifest of a kind; undefined when there is none. */
export function ofKind(manifests: readonly unknown[], kind: string): unknown {
  const found = manifests.filter(manifest => at(manifest, 'kind') === kind);
  assert.ok(found.length <= 1, `more than one ${kind}`);
  return found[0];
}

/** The workload's pod: what is in `spec.template`. */
export function podOf(manifests: readonly unknown[]): unknown {
  const workload = ofKind(manifests, 'Deployment') ?? ofKind(manifests, 'StatefulSet');
  assert.ok(workload, 'there is a workload');
  return at(workload, 'spec', 'template');
}

/** What every chart of ours keeps to, whatever the values: hard to break out of, watched, and without rights. */
export function checkRules(manifests: readonly unknown[]): void {
  const kinds = manifests.map(manifest => String(at(manifest, 'kind')));
  for (const kind of kinds) assert.doesNotMatch(kind, /Role|Binding|CustomResource|DaemonSet/, 'no rights');
  const workload = ofKind(manifests, 'Deployment') ?? ofKind(manifests, 'StatefulSet');
  const pod = podOf(manifests);
  const labels = at(pod, 'metadata', 'labels');
  const selector = at(workload, 'spec', 'selector', 'matchLabels');
  checkSelects(selector, labels);
  for (const kind of ['PodDisruptionBudget', 'NetworkPolicy', 'Service']) {
    const own = at(ofKind(manifests, kind), 'spec');
    if (own)
      checkSelects(
        at(own, 'selector', 'matchLabels') ?? at(own, 'podSelector', 'matchLabels') ?? at(own, 'selector'),
        labels,
      );
  }
  const spec = at(pod, 'spec');
  assert.equal(at(spec, 'automountServiceAccountToken'), false);
  assert.equal(at(spec, 'enableServiceLinks'), false);
  for (const shared of ['hostNetwork', 'hostPID', 'hostIPC'])
    assert.equal(at(spec, shared), undefined, shared);
  assert.equal(at(spec, 'securityContext', 'runAsNonRoot'), true);
  assert.equal(at(spec, 'securityContext', 'seccompProfile', 'type'), 'RuntimeDefault');
  checkContainer(spec, listAt(spec, 'containers')[0]);
  checkReferences(manifests, spec);
}

function checkSelects(selector: unknown, labels: unknown): void {
  assert.ok(typeof selector === 'object' && selector !== null);
  for (const [name, value] of Object.entries(selector)) assert.equal(at(labels, name), value, name);
}

function checkContainer(spec: unknown, container: unknown): void {
  assert.match(
    String(at(container, 'image')),
    /:[0-9]+\.[0-9]+\.[0-9]+$|@sha256:[0-9a-f]{64}$/,
    'a pinned image',
  );
  const security = at(container, 'securityContext');
  assert.deepEqual(at(security, 'capabilities'), { drop: ['ALL'] });
  assert.equal(at(security, 'readOnlyRootFilesystem'), true);
  assert.equal(at(security, 'allowPrivilegeEscalation'), false);
  assert.equal(at(security, 'privileged') ?? false, false);
  const ports = listAt(container, 'ports').map(port => at(port, 'name'));
  for (const [probe, path] of [
    ['startupProbe', '/livez'],
    ['livenessProbe', '/livez'],
    ['readinessProbe', '/readyz'],
  ] as const) {
    assert.equal(String(at(container, probe, 'httpGet', 'path')).split('?', 1)[0], path);
    assert.ok(ports.includes(at(container, probe, 'httpGet', 'port')), `${probe}: a port of the container`);
  }
  assert.ok(at(container, 'resources', 'requests', 'cpu') && at(container, 'resources', 'limits', 'memory'));
  const names = listAt(container, 'env').map(variable => at(variable, 'name'));
  assert.deepEqual(names, [...new Set(names)], 'no variable twice');
  const volumes = listAt(spec, 'volumes');
  const paths = listAt(container, 'volumeMounts').map(mount => at(mount, 'mountPath'));
  assert.deepEqual(paths, [...new Set(paths)], 'no path twice');
  assert.ok(paths.includes('/tmp'), 'with a read-only root there is a /tmp');
  for (const volume of volumes) assert.equal(at(volume, 'hostPath'), undefined, 'nothing of the node');
}

/** Whatever is named exists: volumes of mounts, and the chart's own Secrets and ConfigMaps. */
function checkReferences(manifests: readonly unknown[], spec: unknown): void {
  const volumes = [
    ...listAt(spec, 'volumes'),
    ...listAt(ofKind(manifests, 'StatefulSet'), 'spec', 'volumeClaimTemplates').map(claim =>
      at(claim, 'metadata'),
    ),
  ];
  for (const container of [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')]) {
    for (const mount of listAt(container, 'volumeMounts')) {
      assert.ok(named(volumes, String(at(mount, 'name'))), `a volume ${String(at(mount, 'name'))}`);
    }
    for (const variable of listAt(container, 'env')) {
      const reference = at(variable, 'valueFrom', 'configMapKeyRef');
      if (!reference) continue;
      const map = ofKind(manifests, 'ConfigMap');
      assert.equal(at(map, 'metadata', 'name'), at(reference, 'name'));
      assert.ok(at(map, 'data', String(at(reference, 'key'))), 'the key is in it');
    }
  }
}
