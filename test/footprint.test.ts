// What the two programs take when there is nothing to do. Times are measured in bench/, memory is bounded here.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { idleDelegates, residentMiB } from './harness/idle-delegates.ts';
import { startProgram } from './harness/program.ts';
import { startWorld } from './harness/world.ts';

/** What the contract promises of an agent at rest, in MiB. */
const mostAtRest = 128;
/** Per connected delegate, in KiB, with room for what is collected later. */
const mostPerDelegate = 100;

test('an agent at rest, as its image has it, takes less than the memory that is promised', async () => {
  await using world = await startWorld();
  execFileSync(process.execPath, ['scripts/build.ts', join(world.folder, 'dist')], { stdio: 'ignore' });
  const tokenFile = join(world.folder, 'token');
  writeFileSync(tokenFile, await world.token('built'), { mode: 0o600 });
  const bundle = join(world.folder, 'dist/agent/legate.js');
  const settings = ['--url', world.url, '--token-file', tokenFile, '--health-listen', '127.0.0.1:0'];
  const agent = startProgram({ args: [bundle, 'agent', ...settings, '--work-dir', world.folder] });
  await agent.said('connected to the control plane');
  const { secret } = await world.script('secret=v');
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'v');
  const taken = residentMiB(agent.pid);
  await agent.stop();
  assert.ok(taken > 0 && taken < mostAtRest, `${taken.toFixed(1)} MiB`);
});

test('a connected delegate costs the control plane little memory', async () => {
  await using world = await startWorld({ logLevel: 'info', args: ['--admission-rate', '100000'] });
  const token = await world.token('many');
  {
    // Whatever is loaded and compiled for the first ones.
    await using _first = await idleDelegates(world.url, token, 20);
  }
  const before = residentMiB(world.server.pid);
  await using many = await idleDelegates(world.url, token, 1_000);
  const each = ((residentMiB(world.server.pid) - before) * 1_024) / many.count;
  assert.ok(each < mostPerDelegate, `${each.toFixed(1)} KiB`);
});
