/** What was published once stays understood: the tables only grow by what an older peer may ignore. */
import assert from 'node:assert/strict';
import test, { suite } from 'node:test';
import { agentFrames, controlPlaneFrames, frozenSchemas, readAsThen } from '../test/harness/frozen.ts';
import { validVectors } from '../test/harness/vectors.ts';
import { agentCodec, controlPlaneCodec } from './codec.ts';
import { factsOf, failureReasons } from './failure.ts';
import { schemas } from './messages.ts';

interface Schema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/**
 * Reasons that are new, each with why an older control plane is never told it. The list of reasons is closed: add one
 * only with such a cause, else it takes a new version of the protocol.
 */
const newReasons: Readonly<Record<string, string>> = {
  'delegates-busy': 'set by the control plane',
  'host-key-unknown': 'a task with a target',
  'host-key-exchange-failed': 'a task with a target',
  'host-channel-refused': 'a task with a target',
  'host-connection-lost': 'a task with a target',
};

/** Today's schema without what may have been added: optional fields. */
function asThen(now: Schema, then: Schema): Schema {
  const { properties: added = {}, ...rest } = now;
  const result: Record<string, unknown> = { ...rest };
  if (now.properties) {
    const known = Object.entries(added).filter(
      ([name]) => then.properties?.[name] || now.required?.includes(name),
    );
    result.properties = Object.fromEntries(
      known.map(([name, schema]) => [name, asThen(schema, then.properties?.[name] ?? {})]),
    );
  }
  if (now.items) result.items = asThen(now.items, then.items ?? {});
  if (now.anyOf) result.anyOf = now.anyOf.map((one, index) => asThen(one, then.anyOf?.[index] ?? {}));
  if (isReasons(now)) result.enum = now.enum.filter(reason => !Object.hasOwn(newReasons, reason));
  return result;
}

const isReasons = (schema: Schema): schema is Schema & { enum: string[] } =>
  Array.isArray(schema.enum) && schema.enum.length === failureReasons.length;

suite('the tables of the first version are those of today, but for optional fields', () => {
  for (const [direction, then] of Object.entries(frozenSchemas)) {
    const now: Readonly<Record<string, unknown>> =
      direction === 'toDelegate' ? schemas.toDelegate : schemas.toControlPlane;
    for (const [type, schema] of Object.entries(then))
      test(`${direction} ${type}`, () => {
        const today: Schema = JSON.parse(JSON.stringify(now[type]));
        assert.deepEqual(asThen(today, schema), schema);
      });
  }
});

test('of the reasons that are new an older control plane hears none', () => {
  const known = JSON.stringify(frozenSchemas.toControlPlane.failed);
  const added = failureReasons.filter(reason => !known.includes(`"${reason}"`));
  assert.deepEqual(added.toSorted(), Object.keys(newReasons).toSorted());
  for (const reason of added) {
    if (reason.startsWith('host-'))
      assert.doesNotMatch(JSON.stringify(frozenSchemas.toDelegate.task), /"target"/);
    else assert.equal(factsOf(reason).setBy, 'control-plane', reason);
  }
});

suite('what a peer of the first version said is read', () => {
  const codecs = [
    ['an agent', agentFrames, controlPlaneCodec()],
    ['a control plane', controlPlaneFrames, agentCodec()],
  ] as const;
  for (const [who, frames, codec] of codecs) {
    test(`${who}: every frame`, () => {
      assert.ok(frames.length > 5);
      for (const frame of frames)
        assert.deepEqual(codec.parse(frame), { known: true, message: JSON.parse(frame) }, frame);
    });
    test(`${who}: with fields and messages that a later one may add`, () => {
      for (const frame of frames) {
        const extra = { ...JSON.parse(frame), later: { kind: 'x', list: [1] } };
        assert.deepEqual(codec.parse(JSON.stringify(extra)), { known: true, message: JSON.parse(frame) });
      }
      assert.deepEqual(codec.parse('{"type":"later-message","any":[{}]}'), { known: false });
    });
  }
});

test('what is said today a peer of the first version reads, or ignores', () => {
  let read = 0;
  for (const { direction, frame, message, name } of validVectors()) {
    if (message === undefined || isForLater(message)) continue;
    const understood = readAsThen(direction, frame);
    if (understood) read += 1;
    assert.ok(understood === undefined || understood.type === message.type, name);
  }
  assert.ok(read > 30);
});

/** Said only to, or by, somebody who knows of it. */
const isForLater = (message: Readonly<Record<string, unknown>>) =>
  'target' in message || (typeof message.reason === 'string' && Object.hasOwn(newReasons, message.reason));
