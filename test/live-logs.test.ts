// Whoever tests a connection watches its script: lines come while it runs, without what is known to be secret.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { startWorld, type World } from './harness/world.ts';

const token = `canary-token "it's" $HOME`;
const mask = '*'.repeat(14);

let world: World;
before(async () => {
  world = await startWorld();
  await world.connectedAgent();
  const spec = { secretManagerIdentifier: 'harnessSecretManager', valueType: 'Inline', value: token };
  const secret = { type: 'SecretText', name: 'store token', identifier: 'store_token', spec };
  const connector = {
    name: 'slow',
    identifier: 'slow',
    type: 'CustomSecretManager',
    spec: {
      timeout: 60,
      onDelegate: true,
      ignoreTestConnection: true,
      template: { templateRef: 'account.slow', versionLabel: '1' },
    },
  };
  // Its last line does not end: whatever the machine's pace, it is sent when the value is known.
  const script = `token='<+secrets.getValue("account.store_token")>'
    echo "asking with $token" >&2
    while [ ! -e '${world.folder}/go' ]; do sleep 0.05; done
    secret=canary-value
    printf 'got %s' "$secret" >&2`;
  const template = {
    name: 'slow',
    identifier: 'slow',
    versionLabel: '1',
    type: 'SecretManager',
    spec: { shell: 'Bash', onDelegate: true, source: { type: 'Inline', spec: { script } } },
  };
  // JSON is YAML.
  await world.apply(
    [{ secret }, { template }, { connector }].map(one => JSON.stringify(one)).join('\n---\n'),
  );
});
after(() => world[Symbol.asyncDispose]());

test('a connection test shows a line while the script waits, and the last one without the value', async () => {
  const response = await world.api('/connectors/test', { connector: 'account.slow' });
  assert.equal(response.status, 200);
  assert.ok(response.body);
  const log: string[] = [];
  let last: unknown;
  for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
    if (line === '') continue;
    const event: Record<string, unknown> = JSON.parse(line);
    last = event.event;
    if (event.event !== 'log') continue;
    log.push(String(event.text));
    // The script goes on only when its first line has been seen.
    if (log.length === 1) await writeFile(join(world.folder, 'go'), '');
  }
  assert.equal(last, 'done');
  assert.equal(log[0], `asking with ${mask}\n`);
  assert.equal(log.join(''), `asking with ${mask}\ngot ${mask}`);
  assert.ok(!world.output().includes('canary-token'));
});
