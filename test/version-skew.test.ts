// An agent of the first published version with the control plane of today, and the other way round, over real sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import {
  delegatePath,
  frameText,
  generateSealingKeys,
  openInput,
  openValue,
  sealValue,
  type Task,
} from '../protocol/index.ts';
import { agentFrames, controlPlaneFrames, readAsThen } from './harness/frozen.ts';
import { startScriptedControlPlane } from './harness/scripted-control-plane.ts';
import { startWorld, type World } from './harness/world.ts';

type Message = Readonly<Record<string, unknown>>;

/** What was recorded of a type. */
const recorded = (frames: readonly string[], type: string): Message[] =>
  frames.map((frame): Message => JSON.parse(frame)).filter(message => message.type === type);

/** Fields and messages that nobody knows yet. */
const later = { later: { of: ['a', 'newer', 'version'] } };

interface OldAgent extends AsyncDisposable {
  /** What it has been told and understood. */
  readonly heard: Message[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

/**
 * An agent that says what one of the first version said, and refuses what that one refused. It runs nothing: `echo x`
 * yields `x`. `more` is added to everything that it says.
 */
async function oldAgent(world: World, name: string, more: object = {}): Promise<OldAgent> {
  const keys = await generateSealingKeys();
  const socket = new WebSocket(`${world.url.replace('http', 'ws')}${delegatePath}`, 'legate.v1', {
    headers: { authorization: `Bearer ${await world.token(name)}` },
  });
  const say = (message: object) => socket.send(JSON.stringify({ ...message, ...more }));
  const heard: Message[] = [];
  const closed = new Promise<{ code: number; reason: string }>(resolve =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  const work = async (task: Task) => {
    const id = { task: task.task, attempt: task.attempt };
    const as = (type: string, of = 0) => ({ ...recorded(agentFrames, type)[of], ...id });
    say(as('accepted'));
    if (Object.keys(more).length > 0) say({ type: 'later-message', ...id });
    const inputs = await Promise.all(
      task.inputs.map(async (input, index) =>
        input.kind === 'plain' ? input.data : openInput(input.data, keys, task, index),
      ),
    );
    if (task.program.text.includes('exit 3')) return say(as('failed'));
    if (task.logs) say(as('log'));
    for await (const chunk of sealValue(Buffer.from(inputs.join() || 'v'), task.recipient, task))
      say({ ...as('value'), ...chunk });
    say(as('succeeded'));
  };
  socket.on('message', data => {
    const understood = readAsThen('toDelegate', frameText(data));
    if (!understood) return;
    heard.push(understood);
    if (understood.type === 'task') void work(JSON.parse(frameText(data)));
    if (understood.type === 'drain')
      say({ ...recorded(agentFrames, 'heartbeat')[0], running: [], draining: true });
  });
  await once(socket, 'open');
  const [hello] = recorded(agentFrames, 'hello');
  say({ ...hello, name, instance: `${name}-instance`, agentVersion: '0.0.9', publicKey: keys.publicKey });
  if (Object.keys(more).length > 0) say({ type: 'later-message' });
  await world.server.said('delegate connected', { delegate: name });
  return {
    heard,
    closed,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}

for (const [what, more] of [
  ['an agent of the first version', {}],
  ['an agent that says more than anybody knows', later],
] as const)
  test(`${what} works with the control plane of today`, async () => {
    await using world = await startWorld();
    await using agent = await oldAgent(world, 'old', more);
    const plain = await world.script('secret=<+spec.environmentVariables.path>', { inputs: { path: 'a b' } });
    const got = await world.legate(['secret', 'get', plain.secret, '--logs']);
    assert.deepEqual([got.code, got.out.toString()], [0, 'a b'], got.err);
    assert.match(got.err, /reading/);
    await world.apply(
      JSON.stringify({
        secret: {
          type: 'SecretText',
          name: 'inner',
          identifier: 'inner',
          spec: { secretManagerIdentifier: 'harnessSecretManager', valueType: 'Inline', value: 'sealed one' },
        },
      }),
    );
    const sealed = await world.script('secret=<+spec.environmentVariables.path>', {
      inputs: { path: '<+secrets.getValue("account.inner")>' },
    });
    assert.equal((await world.legate(['secret', 'get', sealed.secret])).out.toString(), 'sealed one');
    const failing = await world.script('exit 3');
    assert.match((await world.legate(['secret', 'get', failing.secret])).err, /^script-failed: /);
    assert.match((await world.legate(['connector', 'test', plain.connector])).err, /works|reading/);

    // What came later either does not reach it, or is ignored: forgetting, rotation, an operator's drain.
    const rotated = await world.legate(['delegate', 'token', 'rotate', 'old', '--in-place']);
    assert.match(`${rotated.out.toString()}${rotated.err}`, /declined|cannot replace/);
    assert.equal((await world.legate(['delegate', 'drain', 'old'])).code, 0);
    assert.equal((await world.legate(['secret', 'get', plain.secret])).code, 1);
    assert.equal((await world.legate(['delegate', 'undrain', 'old'])).code, 0);
    assert.equal((await world.legate(['secret', 'get', plain.secret])).code, 0);
    const shown = await world.legate(['delegate', 'show', 'old']);
    assert.match(shown.out.toString(), /0\.0\.9, update available: \d/);
    assert.match((await world.legate(['get', 'delegates'])).out.toString(), /update available/);

    const revoked = await world.legate(['delegate', 'token', 'revoke', 'old', '--drain', '1m']);
    assert.equal(revoked.code, 0, revoked.err);
    assert.equal((await agent.closed).code, 4412);
    assert.deepEqual([...new Set(agent.heard.map(({ type }) => String(type)))].toSorted(), [
      'drain',
      'task',
      'welcome',
    ]);
  });

test('an agent of the first version is never given a script for a host, which it would run on itself', async () => {
  await using world = await startWorld();
  await using agent = await oldAgent(world, 'old');
  await world.apply(
    JSON.stringify({
      secret: {
        name: 'password',
        identifier: 'password',
        type: 'SecretText',
        spec: { secretManagerIdentifier: 'harnessSecretManager', valueType: 'Inline', value: 'p' },
      },
    }),
  );
  const login = { credentialType: 'Password', spec: { userName: 'me', password: 'account.password' } };
  const source = { type: 'Inline', spec: { script: 'secret=v' } };
  const template = { templateRef: 'account.far', versionLabel: '1' };
  const onHost = { onDelegate: false, host: 'h', connectorRef: 'account.far_key', workingDirectory: '/tmp' };
  const named = (identifier: string, type: string, spec: object) => ({
    name: identifier,
    identifier,
    type,
    spec,
  });
  const documents = [
    { secret: named('far_key', 'SSHKey', { port: 22, auth: { type: 'SSH', spec: login } }) },
    {
      template: {
        ...named('far', 'SecretManager', {
          shell: 'Bash',
          onDelegate: false,
          source,
          environmentVariables: [],
        }),
        versionLabel: '1',
      },
    },
    { connector: named('far', 'CustomSecretManager', { ...onHost, delegateSelectors: [], template }) },
  ];
  await world.apply(documents.map(document => JSON.stringify(document)).join('\n---\n'));
  const tested = await world.legate(['connector', 'test', 'account.far']);
  assert.equal(tested.code, 1);
  assert.match(tested.err, /old \(\S+\): its version \(0\.0\.9\) runs no scripts on target hosts: update it/);
  assert.ok(!agent.heard.some(({ type }) => type === 'task'));
});

for (const [what, more] of [
  ['a control plane of the first version', {}],
  ['a control plane that says more than anybody knows', later],
] as const)
  test(`the agent of today works with ${what}, and says nothing that one of then refuses`, async () => {
    await using world = await startWorld();
    await using server = await startScriptedControlPlane();
    const agent = await world.agent({ url: server.url.href, token: 'lgd_any', name: 'now' });
    const peer = await server.connection();
    const refused: string[] = [];
    const ignored = new Set<string>();
    peer.socket.on('message', data => {
      const frame = frameText(data);
      try {
        if (!readAsThen('toControlPlane', frame)) ignored.add(String(JSON.parse(frame).type));
      } catch (error) {
        refused.push(String(error));
      }
    });
    const say = (message: object) => peer.say({ ...message, ...more });
    await peer.next('hello');
    const [welcome] = recorded(controlPlaneFrames, 'welcome');
    if (Object.keys(more).length > 0) peer.say({ type: 'later-message', of: [] });
    say({ ...welcome });
    const keys = await generateSealingKeys();
    const [ok, failing, timeout] = recorded(controlPlaneFrames, 'task');
    const send = (task: Message | undefined, id: string, limit = 20_000) =>
      say({ ...task, task: id, recipient: keys.publicKey, remainingMs: limit });

    send(ok, 'task-1');
    await peer.next('accepted');
    if (ok?.logs) assert.equal((await peer.next('log')).text, 'reading\n');
    const value = await peer.next('value');
    const opener = openValue(keys, { task: 'task-1', attempt: 1 });
    assert.equal(Buffer.from(await opener.open(value)).toString(), 'v');
    await peer.next('succeeded');

    send(failing, 'task-2');
    await peer.next('accepted');
    const failed = await peer.next('failed');
    assert.deepEqual([failed.reason, failed.exitCode, failed.stderrTail], ['script-failed', 3, 'no']);

    send(timeout, 'task-3');
    await peer.next('accepted');
    const [cancel] = recorded(controlPlaneFrames, 'cancel');
    say({ ...cancel, task: 'task-3' });
    assert.equal((await peer.next('failed')).reason, 'cancelled');

    send(timeout, 'task-4');
    await peer.next('accepted');
    agent.signal('SIGTERM');
    assert.equal((await peer.next('heartbeat')).draining, true);
    agent.signal('SIGTERM');
    // A reason that was there from the beginning, and is tried elsewhere.
    assert.equal((await peer.next('failed')).reason, 'rejected-by-delegate');
    await peer.next('drained');
    assert.deepEqual(await agent.ended, { code: 1, signal: null });
    assert.deepEqual([refused, [...ignored]], [[], []]);
  });
