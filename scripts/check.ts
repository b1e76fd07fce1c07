// One command that says whether the tree is good: format, lint, types, import directions, tests.
// Usage: node scripts/check.ts [--static]   (--static leaves the tests to whoever calls)
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const steps: [name: string, command: string[]][] = [
  ['format and lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['lint by type', ['oxlint', '--type-aware', '--deny-warnings']],
  ['types', ['tsc', '-b']],
  ['import directions', ['node', 'scripts/check-imports.ts']],
];
if (!process.argv.includes('--static')) steps.push(['tests', ['node', 'scripts/run-tests.ts']]);

for (const [name, [command, ...args]] of steps) {
  const started = performance.now();
  process.stdout.write(`check: ${name}\n`);
  const run = spawnSync(command ?? '', args, { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) {
    process.stderr.write(`check: ${name} failed\n`);
    process.exit(run.status ?? 1);
  }
  process.stdout.write(`check: ${name} ok (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
}
