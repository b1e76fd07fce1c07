// Runs the test suites with node:test: unit tests beside their subject, journeys in test/.
// Usage: node scripts/run-tests.ts [--unit | --journeys | --faults] [FILE...]
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const unitFiles = '{protocol,agent,control-plane,cli,scripts}/**/*.test.ts';
const journeyFiles = 'test/**/*.test.ts';
const faultFiles = 'test/faults/*.test.ts';

const args = process.argv.slice(2);
const named = args.filter(arg => !arg.startsWith('--'));
const patterns = args.includes('--unit')
  ? [unitFiles]
  : args.includes('--journeys')
    ? [journeyFiles]
    : args.includes('--faults')
      ? [faultFiles]
      : [unitFiles, journeyFiles];
const files = named.length > 0 ? named : patterns.flatMap(pattern => globSync(pattern, { cwd: root })).sort();
// node --test exits 0 when a pattern matches nothing: a suite that vanished must not look green.
if (files.length === 0) {
  process.stderr.write(`no test file matches ${patterns.join(' or ')}\n`);
  process.exit(1);
}

// In CI a test that never settles has to end (--test-timeout), also when it leaks a handle
// (--test-force-exit). Elsewhere a leak hangs the file, so that whoever wrote it sees it.
const limits = ['--test-timeout=120000', ...(process.env.CI ? ['--test-force-exit'] : [])];
// Files wait for other programs most of their time, so that two at once don't disturb each other on two cores either.
const atOnce = `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`;
const run = spawnSync(process.execPath, ['--test', atOnce, ...limits, ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
