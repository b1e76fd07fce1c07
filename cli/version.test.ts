import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { agentVersion } from '../agent/version.ts';
import { serverVersion } from '../control-plane/version.ts';
import { cliVersion } from './version.ts';

test('the three programs say the version that package.json has', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.deepEqual([agentVersion, serverVersion, cliVersion], [version, version, version]);
});
