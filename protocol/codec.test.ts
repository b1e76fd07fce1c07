import assert from 'node:assert/strict';
import test, { suite } from 'node:test';
import { validVectors } from '../test/harness/vectors.ts';
import { agentCodec, controlPlaneCodec, describe, frameText, ProtocolError } from './codec.ts';
import { limits } from './limits.ts';

const agent = agentCodec();
const controlPlane = controlPlaneCodec();
const identity = { task: 'a', attempt: 1 };

suite('what is sent', () => {
  test('a message that lacks a field is not sent', () => {
    assert.throws(
      () => agent.stringify(JSON.parse('{"type":"log","task":"a","attempt":1}')),
      new ProtocolError(`invalid "log": / must have required property 'text'`),
    );
  });

  test('an unknown field is not sent: a typing mistake must not travel as nothing', () => {
    assert.throws(
      () =>
        agent.stringify(
          JSON.parse('{"type":"rejected","task":"a","attempt":1,"why":"refused","detial":"x"}'),
        ),
      new ProtocolError('invalid "rejected": / has a field that is not in the schema'),
    );
  });

  test('an unknown field inside another one is not sent either', () => {
    const running = [{ ...identity, since: 1 }];
    assert.throws(
      () => agent.stringify({ type: 'heartbeat', running, draining: false }),
      new ProtocolError('invalid "heartbeat": /running/0 has a field that is not in the schema'),
    );
  });

  test('an optional field that is undefined is left out', () => {
    const message = JSON.parse('{"type":"rejected","task":"a","attempt":1,"why":"refused"}');
    message.detail = undefined;
    assert.equal(agent.stringify(message), '{"type":"rejected","task":"a","attempt":1,"why":"refused"}');
  });

  test("a side does not send the other side's messages", () => {
    const refused = new ProtocolError('a message of a type that is not ours to send');
    assert.throws(() => agent.stringify(JSON.parse('{"type":"drain"}')), refused);
    assert.throws(() => controlPlane.stringify(JSON.parse('{"type":"drained"}')), refused);
    assert.throws(() => controlPlane.stringify(JSON.parse('{}')), refused);
    assert.throws(() => controlPlane.stringify(JSON.parse('null')), refused);
  });

  test('what is sent is not changed by sending it', () => {
    const message = { type: 'heartbeat', running: [identity], draining: false } as const;
    const before = structuredClone(message);
    agent.stringify({ ...message, running: [...message.running] });
    assert.deepEqual(message, before);
  });
});

suite('what is received', () => {
  test('the largest frame, nested to its end, is refused or ignored, and never breaks the reader', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const depth = Math.floor(limits.frameToDelegate / (open.length + close.length));
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
      assert.throws(() => agent.parse(deep), ProtocolError);
      assert.deepEqual(agent.parse(`{"type":"later","deep":${deep}}`), { known: false });
      const parsed = agent.parse(`{"type":"drain","deep":${deep}}`);
      assert.deepEqual(parsed, { known: true, message: { type: 'drain' } });
    }
  });

  test('a message read has only its own fields, and no prototype but the usual one', () => {
    const parsed = agent.parse('{"type":"cancel","task":"a","attempt":1,"__proto__":{"polluted":true}}');
    assert.ok(parsed.known);
    assert.deepEqual(Reflect.ownKeys(parsed.message), ['type', 'task', 'attempt']);
    assert.equal(Object.getPrototypeOf(parsed.message), Object.prototype);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });

  test('one codec reads a frame after it has refused another', () => {
    assert.throws(() => agent.parse('{"type":"cancel"}'), ProtocolError);
    assert.deepEqual(agent.parse('{"type":"drain"}'), { known: true, message: { type: 'drain' } });
  });

  test('a frame is read in whichever shape the socket hands it over', () => {
    const bytes = Buffer.from('{"type":"drain"} é');
    assert.equal(frameText(bytes), '{"type":"drain"} é');
    // In the middle of the two bytes of é: the pieces can't be read one by one.
    assert.equal(frameText([bytes.subarray(0, -1), bytes.subarray(-1)]), '{"type":"drain"} é');
    assert.equal(frameText(new Uint8Array(bytes).buffer), '{"type":"drain"} é');
  });
});

suite('what an error says', () => {
  test('everything that is wrong, each thing once', () => {
    const inputs = '[{"kind":"plain"},{"kind":"plain"}]';
    const wrong = `{"type":"task","task":"","attempt":0,"remainingMs":1,"program":{},"inputs":${inputs}}`;
    assert.throws(
      () => agent.parse(wrong),
      (error: Error) => {
        const parts = error.message.replace('invalid "task": ', '').split('; ');
        assert.equal(new Set(parts).size, parts.length);
        for (const path of ['/', '/task', '/attempt', '/program', '/inputs/0', '/inputs/1'])
          assert.ok(
            parts.some(part => part.startsWith(`${path} `)),
            `${path} is missing in: ${error.message}`,
          );
        return true;
      },
    );
  });

  test('errors of any schema are one line of path and rule', () => {
    assert.equal(describe('thing', undefined), 'invalid "thing": ');
    const error = { instancePath: '/a', schemaPath: '', keyword: 'odd', params: {} };
    assert.equal(describe('thing', [error, error]), 'invalid "thing": /a odd');
  });
});

const canary = 'canary7f3a9';
/** What is put in place of each part of a message. Each holds the canary. */
const replacements: readonly unknown[] = [
  canary,
  // Longer than any text may be.
  canary.repeat(limits.program / canary.length + 1),
  `${canary}\n"';`,
  [canary],
  [[canary]],
  { [canary]: 1 },
  { type: canary, kind: canary, data: canary },
  [{ kind: 'plain', [canary]: canary }],
];

suite('an error never holds anything that was in the frame', () => {
  for (const { file, direction, name, message } of validVectors()) {
    if (message === undefined || file === 'compatibility') continue;
    test(`${direction} ${file}: ${name}`, () => {
      const [receiver, sender] = direction === 'toDelegate' ? [agent, controlPlane] : [controlPlane, agent];
      const errors: string[] = [];
      for (const mutant of mutants(message)) {
        errors.push(...errorOf(() => receiver.parse(JSON.stringify(mutant))));
        errors.push(...errorOf(() => sender.stringify(JSON.parse(JSON.stringify(mutant)))));
      }
      // Not a promise in itself: it says that the loop above has found something to look at.
      assert.ok(errors.length >= replacements.length, `only ${errors.length} errors`);
      for (const error of errors) assert.ok(!error.includes(canary), error);
    });
  }

  test('frames that are no message', () => {
    const frames = [
      canary,
      `"${canary}"`,
      `["${canary}"]`,
      `{"${canary}":1}`,
      `{"type":["${canary}"]}`,
      `{"type":{"${canary}":1}}`,
      `{"type":"${canary}`,
      `{"type":"drain"} ${canary}`,
      `{"type":"drain","x":${canary}}`,
    ];
    for (const frame of frames) {
      const [error] = errorOf(() => agent.parse(frame));
      assert.ok(error !== undefined, frame);
      assert.ok(!error.includes(canary), error);
    }
  });

  test('a type that is not ours to send', () => {
    const [error] = errorOf(() => agent.stringify(JSON.parse(`{"type":"${canary}"}`)));
    assert.ok(error !== undefined && !error.includes(canary), error);
  });
});

/** The text of the `ProtocolError` that is thrown; none when nothing is. Any other error is a failure. */
function errorOf(deed: () => unknown): string[] {
  try {
    deed();
    return [];
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    // The whole of it: what is logged is more than the message.
    return [`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`];
  }
}

/** Everything that becomes of a message when one part of it, or a new field of it, is replaced. */
function* mutants(message: unknown, isTop = true): Generator<unknown> {
  if (!isTop) yield* replacements;
  if (Array.isArray(message)) {
    for (const replacement of replacements) yield [...message, replacement];
    for (const [at, item] of message.entries())
      for (const mutant of mutants(item, false)) yield message.with(at, mutant);
  } else if (typeof message === 'object' && message !== null) {
    for (const replacement of replacements) yield { ...message, [canary]: replacement };
    for (const [key, part] of Object.entries(message)) {
      // Without its type a message is no message; that is a test of its own.
      if (isTop && key === 'type') continue;
      yield { ...message, [key]: undefined, [canary]: canary };
      for (const mutant of mutants(part, false)) yield { ...message, [key]: mutant };
    }
  }
}

test('of each member of a union what it has arrives, whichever stands first', () => {
  const hop = { host: 'h', port: 22, user: 'u', hostKeys: [] };
  const sealed = { kind: 'sealed', data: 'a.b.c.d.e' };
  const someTask = validVectors().find(({ message }) => message?.type === 'task')?.message;
  const task = {
    ...someTask,
    target: {
      kind: 'host',
      ...hop,
      credential: sealed,
      jumps: [{ ...hop, credential: { kind: 'delegate', name: 'own', more: 1 } }],
    },
  };
  const parsed = agent.parse(JSON.stringify(task));
  assert.ok(parsed.known && parsed.message.type === 'task');
  assert.deepEqual(parsed.message.target?.credential, sealed);
  assert.deepEqual(parsed.message.target?.jumps[0]?.credential, { kind: 'delegate', name: 'own' });
});
