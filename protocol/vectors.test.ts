import assert from 'node:assert/strict';
import test, { suite } from 'node:test';
import {
  inputVectors,
  invalidVectors,
  type ValueVectors,
  validVectors,
  valueVectors,
  vectorKeys,
} from '../test/harness/vectors.ts';
import { agentCodec, controlPlaneCodec, ProtocolError } from './codec.ts';
import { schemas } from './messages.ts';
import { openInput, openValue, SealError } from './sealing.ts';

const agent = agentCodec();
const controlPlane = controlPlaneCodec();
/** Who reads the frames of a direction. */
const reader = { toDelegate: agent, toControlPlane: controlPlane };

suite('frames that are read', () => {
  for (const { file, direction, name, frame, message } of validVectors()) {
    test(`${direction} ${file}: ${name}`, () => {
      const expected = message === undefined ? { known: false } : { known: true, message };
      assert.deepEqual(reader[direction].parse(frame), expected);
    });
  }
});

suite('messages come out as they went in', () => {
  for (const { file, direction, name, frame, message } of validVectors()) {
    if (message === undefined) continue;
    test(`${direction} ${file}: ${name}`, () => {
      assert.deepEqual(reader[direction].parse(rewritten(direction, frame)), { known: true, message });
    });
  }
});

/** The frame as its own sender would have written it. */
function rewritten(direction: 'toDelegate' | 'toControlPlane', frame: string): string {
  if (direction === 'toDelegate') {
    const parsed = agent.parse(frame);
    return parsed.known ? controlPlane.stringify(parsed.message) : '';
  }
  const parsed = controlPlane.parse(frame);
  return parsed.known ? agent.stringify(parsed.message) : '';
}

suite('frames that are refused', () => {
  for (const { file, direction, name, frame, error } of invalidVectors()) {
    test(`${direction} ${file}: ${name}`, () => {
      assert.throws(() => reader[direction].parse(frame), new ProtocolError(error));
    });
  }
});

test('there are vectors for every message', () => {
  const valid = new Set(validVectors().map(({ direction, file }) => `${direction} ${file}`));
  const invalid = new Set(invalidVectors().map(({ direction, file }) => `${direction} ${file}`));
  const messages = Object.entries(schemas).flatMap(([direction, messages]) =>
    Object.entries(messages).map(([type, schema]) => ({
      name: `${direction} ${type}`,
      // Nothing can be wrong with a message that is a type and nothing else.
      fields: Object.keys(schema.properties).length - 1,
    })),
  );
  assert.deepEqual(
    messages.filter(({ name }) => !valid.has(name)).map(({ name }) => name),
    [],
  );
  assert.deepEqual(
    messages.filter(({ name, fields }) => fields > 0 && !invalid.has(name)).map(({ name }) => name),
    [],
  );
});

test('a vector can be found by its name', () => {
  const names = [...validVectors(), ...invalidVectors()].map(
    ({ direction, file, name }) => `${direction} ${file} ${name}`,
  );
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  );
});

suite('values that open, and those that do not', () => {
  const vectors = valueVectors();
  for (const { name, chunks, value, error } of vectors.cases) {
    test(name, async () => {
      const opening = open(vectors, chunks);
      if (error === undefined) assert.equal(await opening, value);
      else await assert.rejects(opening, new SealError(error));
    });
  }
});

async function open(vectors: ValueVectors, chunks: ValueVectors['cases'][number]['chunks']): Promise<string> {
  const opener = openValue(await vectorKeys(vectors), vectors);
  const pieces: Uint8Array[] = [];
  for (const chunk of chunks) pieces.push(await opener.open(chunk));
  opener.finish();
  return Buffer.concat(pieces).toString();
}

suite('inputs that open, and those that do not', () => {
  const vectors = inputVectors();
  for (const { name, index, sealed, value, error } of vectors.cases) {
    test(name, async () => {
      const opening = openInput(sealed, await vectorKeys(vectors), vectors, index);
      if (error === undefined) assert.equal(await opening, value);
      else await assert.rejects(opening, new SealError(error));
    });
  }
});
