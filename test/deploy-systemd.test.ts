// The units, as systemd's own tools see them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { temporaryFolder } from './harness/temporary-folder.ts';

const units = ['legate-agent.service', 'legate-server.service'];
const read = (unit: string) => readFileSync(new URL(`../deploy/systemd/${unit}`, import.meta.url), 'utf8');

/** All values that a unit gives a setting. */
const settings = (unit: string, name: string) =>
  [...read(unit).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);

function analyze(...args: string[]): string {
  const run = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', SYSTEMD_COLORS: '0' },
  });
  if (run.error) throw run.error;
  assert.equal(run.status, 0, run.stdout + run.stderr);
  return run.stdout + run.stderr;
}

/** The unit with a program that exists here, which verifying asks for. */
function withUnit(unit: string, check: (path: string) => void): void {
  using folder = temporaryFolder();
  const path = folder.file(unit);
  writeFileSync(path, read(unit).replace('ExecStart=/usr/bin/node', `ExecStart=${process.execPath}`));
  check(path);
}

test('systemd has nothing to say about the units', () => {
  for (const unit of units)
    withUnit(unit, path => assert.equal(analyze('verify', '--man=no', path), '', unit));
});

test('a unit that systemd does not understand is found', () => {
  using folder = temporaryFolder();
  const path = folder.file('legate-agent.service');
  writeFileSync(path, read('legate-agent.service').replace('NoNewPrivileges=', 'NoNewPrivilege='));
  const run = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  assert.match(run.stderr, /NoNewPrivilege/);
});

test('the exposure that systemd computes stays at 1.8 or below', () => {
  for (const unit of units) {
    withUnit(unit, path => {
      const level = /exposure level for \S+ ([0-9.]+)/.exec(
        analyze('security', '--offline=true', '--no-pager', path),
      )?.[1];
      assert.ok(level !== undefined && Number(level) <= 1.8, `${unit}: ${level}`);
    });
  }
});

test('a unit leaves out what breaks a JavaScript engine', () => {
  for (const unit of units) assert.deepEqual(settings(unit, 'MemoryDenyWriteExecute'), []);
});

test('a delegate has longer to stop than its drain takes, and its scripts end with it', () => {
  assert.ok(Number(settings('legate-agent.service', 'TimeoutStopSec')[0]) > 540);
  assert.deepEqual(settings('legate-agent.service', 'KillMode'), ['mixed']);
});

test('a delegate tells systemd how it is, through a program of its own', () => {
  const of = (name: string) => settings('legate-agent.service', name);
  assert.deepEqual([of('Type'), of('NotifyAccess'), of('WatchdogSec')], [['notify'], ['all'], ['90']]);
});

test('what another start would not mend is not restarted', () => {
  // The codes of the agent's help and of docs/operating-a-delegate.md.
  assert.deepEqual(settings('legate-agent.service', 'RestartPreventExitStatus'), ['2 3 4 5 6 7 8 9']);
  assert.deepEqual(settings('legate-server.service', 'RestartPreventExitStatus'), ['2']);
});

test('the token is a credential of the unit and in no environment', () => {
  assert.deepEqual(settings('legate-agent.service', 'LoadCredential'), ['token:/etc/legate/token']);
  const environment = settings('legate-agent.service', 'Environment').join(' ');
  assert.match(environment, /LEGATE_TOKEN_FILE=%d\/token/);
  assert.doesNotMatch(environment, /LEGATE_TOKEN=/);
});
