/** What the agent's log holds, at the level that says most. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateSealingKeys, sealInput } from '../protocol/index.ts';
import { startProgram } from '../test/harness/program.ts';
import { startScriptedControlPlane } from '../test/harness/scripted-control-plane.ts';
import { aTask, digestOf } from '../test/harness/task.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';

const canary = {
  token: 'canary-token',
  sealedInput: 'canary-input-sealed',
  plainInput: 'canary-input-plain',
  value: 'canary-value',
  program: 'canary-of-program',
  errorOutput: 'canary-error-output',
  frame: 'canary-of-frame',
};

const script = `# ${canary.program}
set -x; secret=$__legate_1; echo ${canary.errorOutput} ${canary.value} $secret >&2`;

test('at trace level the log is JSON that says who and what, and holds nothing secret', async () => {
  await using server = await startScriptedControlPlane();
  using folder = temporaryFolder();
  writeFileSync(folder.file('token'), canary.token);
  const agent = startProgram({
    args: [fileURLToPath(new URL('./bin.ts', import.meta.url)), '--log-level', 'trace'],
    env: {
      LEGATE_URL: server.url.href,
      LEGATE_TOKEN_FILE: folder.file('token'),
      LEGATE_NAME: 'edge',
      LEGATE_HEALTH_LISTEN: 'off',
      LEGATE_WORK_DIR: folder.file('work'),
    },
  });
  const peer = await server.connection();
  const { publicKey, instance } = await peer.next('hello');
  peer.say({ type: 'welcome', serverVersion: '1', heartbeatMs: 60_000 });
  const { publicKey: recipient } = await generateSealingKeys();

  /** Runs a task whose script ends like this, until its outcome. */
  const run = async (task: string, end: string, outcome: 'succeeded' | 'failed', remainingMs = 20_000) => {
    const text = `${script}\n${end}`;
    const data = await sealInput(canary.sealedInput, publicKey, { task, attempt: 1 }, 0);
    peer.say(
      aTask({
        task,
        remainingMs,
        recipient,
        program: { shell: 'bash', text, digest: digestOf(text) },
        inputs: [
          { kind: 'sealed', data },
          { kind: 'plain', data: canary.plainInput },
        ],
        subject: { secret: 'account.db', connector: 'account.vault', template: 'account.vault' },
      }),
    );
    await peer.next('accepted');
    if (outcome === 'succeeded') await peer.next('value');
    await peer.next(outcome);
  };
  await run('good', `secret=${canary.value}`, 'succeeded');
  await run('bad', 'exit 3', 'failed');
  await run('large', `printf -v secret '%02000000d' 0; secret+=${canary.value}`, 'failed');
  await run('late', `secret=${canary.value}; sleep 60`, 'failed', 300);
  peer.say({ type: 'task', program: canary.frame });
  await peer.closed;
  await agent.said('the control plane broke the protocol');
  agent.signal('SIGTERM');
  assert.deepEqual(await agent.ended, { code: 0, signal: null });

  for (const [what, text] of Object.entries(canary)) assert.ok(!agent.output().includes(text), what);
  assert.ok(agent.lines().length > 8);
  for (const line of agent.lines()) {
    assert.equal(line.delegate, 'edge');
    assert.equal(line.instance, instance);
  }
  const started = await agent.said('task started', { task: 'good' });
  assert.deepEqual([started.attempt, started.secret, started.connector], [1, 'account.db', 'account.vault']);
});
