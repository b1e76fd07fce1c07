import assert from 'node:assert/strict';
import test, { suite } from 'node:test';
import { agentCodec, controlPlaneCodec, ProtocolError } from './codec.ts';
import { limits } from './limits.ts';
import { delegateNamePattern, inputVariable, type Task, type ToControlPlane } from './messages.ts';

const agent = agentCodec();
const controlPlane = controlPlaneCodec();

const identity = { task: 'a'.repeat(64), attempt: 1_000 };
const publicKey = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) } as const;
/** So many characters that take the most bytes in JSON: six each, as in \u0001. */
const widest = (characters: number) => '\x01'.repeat(characters);
/** A sealed piece of the greatest length that the schema allows for so many plain bytes. */
const sealed = (plainBytes: number) => 'a....'.padEnd(Math.ceil(plainBytes * 1.34) + 1_024, 'a');
const day = 24 * 3_600_000;

/** The largest message of each type that a delegate can send. */
const largest: { [Type in ToControlPlane['type']]: Extract<ToControlPlane, { type: Type }> } = {
  hello: {
    type: 'hello',
    name: widest(128),
    instance: 'a'.repeat(64),
    hostName: widest(255),
    agentVersion: widest(64),
    tags: Array.from({ length: 200 }, () => widest(256)),
    capacity: 10_000,
    shells: Array.from({ length: 10 }, () => 'a'.repeat(32)),
    publicKey,
    check: false,
    tokenFile: true,
  },
  accepted: { type: 'accepted', ...identity },
  rejected: { type: 'rejected', ...identity, why: 'at-capacity', detail: widest(1_000) },
  log: { type: 'log', ...identity, text: widest(limits.log) },
  value: {
    type: 'value',
    ...identity,
    seq: limits.chunks - 1,
    final: false,
    sealed: sealed(limits.chunk),
  },
  succeeded: { type: 'succeeded', ...identity, chunks: limits.chunks, durationMs: day },
  failed: {
    type: 'failed',
    ...identity,
    reason: 'host-authentication-failed',
    detail: widest(1_000),
    exitCode: 255,
    signal: `SIG${'A'.repeat(12)}`,
    stderrTail: widest(limits.stderrTail),
    durationMs: day,
  },
  heartbeat: {
    type: 'heartbeat',
    running: Array.from({ length: 10_000 }, () => identity),
    draining: false,
  },
  drained: { type: 'drained' },
  'token-proposed': { type: 'token-proposed', digest: `sha256:${'0'.repeat(64)}` },
  'token-presented': { type: 'token-presented', token: '~'.repeat(512) },
  'jwt-presented': { type: 'jwt-presented', token: '.'.repeat(limits.token) },
  'token-declined': { type: 'token-declined', reason: widest(200) },
};

suite('every message that a delegate may send fits a frame', () => {
  for (const message of Object.values(largest)) {
    test(message.type, () => {
      const frame = agent.stringify(message);
      assert.ok(Buffer.byteLength(frame) <= limits.frameToControlPlane);
      assert.deepEqual(controlPlane.parse(frame), { known: true, message });
    });
  }
});

function task(program: string, inputs: Task['inputs']): Task {
  return {
    type: 'task',
    ...identity,
    remainingMs: day,
    program: { shell: 'bash', text: program, digest: `sha256:${'0'.repeat(64)}` },
    inputs,
    workingDirectory: widest(4_096),
    recipient: publicKey,
    logs: false,
    subject: { secret: widest(300), connector: widest(300), template: widest(300) },
  };
}

test('the largest program fits a frame, together with five of the largest inputs', () => {
  // Quotes and newlines, as scripts have: two bytes each in JSON.
  const program = '"\n'.repeat(limits.program / 2);
  const input = { kind: 'sealed', data: sealed(limits.input) } as const;
  const frame = controlPlane.stringify(task(program, [input, input, input, input, input]));
  assert.ok(Buffer.byteLength(frame) <= limits.frameToDelegate);
  assert.ok(agent.parse(frame).known);
});

test('a task that is legal in each part but does not fit a frame is not sent', () => {
  const inputs = Array.from({ length: limits.inputs }, () => ({
    kind: 'plain' as const,
    data: 'x'.repeat(limits.input),
  }));
  assert.throws(
    () => controlPlane.stringify(task('secret=x', inputs)),
    new ProtocolError('invalid "task": its frame is larger than 1048576 bytes'),
  );
});

test('the size of a frame is counted in bytes, not characters', () => {
  const frame = (inputs: number) =>
    controlPlane.stringify(
      task(
        'é'.repeat(limits.program),
        Array.from({ length: inputs }, () => ({ kind: 'plain', data: 'é'.repeat(limits.input) })),
      ),
    );
  assert.ok(Buffer.byteLength(frame(3)) > 800_000);
  // Below the limit in characters, above it in bytes.
  assert.throws(() => frame(4), ProtocolError);
});

test('limits of texts count characters, also those that take four bytes', () => {
  const text = '\u{1f511}'.repeat(limits.log);
  assert.ok(agent.stringify({ type: 'log', ...identity, text }).length > limits.log);
  assert.throws(() => agent.stringify({ type: 'log', ...identity, text: `${text}x` }), ProtocolError);
});

test('the largest value needs as many chunks as the limits say, and the last has something in it', () => {
  assert.ok(limits.chunks * limits.chunk >= limits.value);
  assert.ok((limits.chunks - 1) * limits.chunk < limits.value);
});

test('input number i, counted from 0, arrives in the shell variable number i + 1', () => {
  assert.equal(inputVariable(0), '__legate_1');
  assert.equal(inputVariable(99), '__legate_100');
});

test('delegate names are those of hosts and of Harness delegates', () => {
  const pattern = new RegExp(delegateNamePattern);
  for (const name of ['a', 'eu-west.builder_1', 'A1', 'a'.repeat(128)]) assert.match(name, pattern);
  for (const name of ['', '-a', '.a', '_a', 'a b', 'a/b', 'é', 'a\n', 'a'.repeat(129)])
    assert.doesNotMatch(name, pattern);
});
