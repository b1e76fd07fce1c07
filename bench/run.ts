// Runs the benchmarks one after the other, so that they do not measure each other.
// Usage: npm run bench [-- NAME...]      (names of files in bench/, without .ts; default: all)
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const helpers = ['run', 'figures'];
const all = globSync('*.ts', { cwd: folder })
  .map(file => file.replace(/\.ts$/, ''))
  .filter(name => !helpers.includes(name))
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.filter(name => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no ${unknown.join(', ')}; there are: ${all.join(', ')}\n`);
  process.exit(2);
}

const memory = (totalmem() / 2 ** 30).toFixed(0);
process.stdout.write(
  `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${memory} GiB, ` +
    `${process.platform} ${process.arch}, Node ${process.versions.node}\n`,
);
for (const name of asked.length > 0 ? asked : all) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(process.execPath, [`${folder}${name}.ts`], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
