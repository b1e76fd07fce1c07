/** How long an agent takes from its start until it is registered, as its image has it, beside Node that does nothing. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { residentMiB } from '../test/harness/idle-delegates.ts';
import { startProgram } from '../test/harness/program.ts';
import { startWorld } from '../test/harness/world.ts';
import { percentile, row } from './figures.ts';

const rounds = 11;

await using world = await startWorld({ logLevel: 'info' });
const dist = join(world.folder, 'dist');
execFileSync(process.execPath, ['scripts/build.ts', dist], { stdio: 'ignore' });
const tokenFile = join(world.folder, 'token');
writeFileSync(tokenFile, await world.token('built'), { mode: 0o600 });
const settings = ['--url', world.url, '--token-file', tokenFile, '--health-listen', 'off'];
const args = [join(dist, 'agent/legate.js'), 'agent', ...settings, '--work-dir', world.folder];

const agents: number[] = [];
const bare: number[] = [];
const taken: number[] = [];
for (let n = 0; n < rounds; n++) {
  const begun = performance.now();
  const agent = startProgram({ args });
  await agent.said('connected to the control plane');
  agents.push(performance.now() - begun);
  taken.push(residentMiB(agent.pid));
  await agent.stop();
  const before = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  bare.push(performance.now() - before);
}
process.stdout.write(row(['', 'p50', 'most']));
const line = (what: string, values: readonly number[]) =>
  process.stdout.write(
    row([what, ...[percentile(values, 50), Math.max(...values)].map(figure => figure.toFixed(0))]),
  );
line('agent registered, ms', agents);
line('node -e 0, ms', bare);
line('agent then takes, MiB', taken);
