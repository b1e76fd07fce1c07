import assert from 'node:assert/strict';
import test from 'node:test';
import { inspect } from 'node:util';
import { KeyRingError, makeKey, parseKeyRing, withFirstKey, withoutKeys } from './key-ring.ts';

const [first, second] = [makeKey(), makeKey()];

test('the first key of a ring is the primary; comments, blank lines and line ends of Windows are passed over', () => {
  const text = `# mine\r\n\r\n  ${first.line} # new\r\n${second.line}\r\n`;
  const ring = parseKeyRing(text, 'ring');
  assert.equal(ring.primary.id, first.id);
  assert.deepEqual(
    ring.keys.map(key => key.id),
    [first.id, second.id],
  );
  assert.equal(ring.find(second.id)?.id, second.id);
  assert.equal(ring.find('0'.repeat(16)), undefined);
});

test("a key's id is the same everywhere and shows nothing of the key, and neither does a printed ring", () => {
  const ring = parseKeyRing(`${'A'.repeat(43)}=`, 'ring');
  assert.equal(ring.primary.id, 'deffc13d97619c64');
  const key = makeKey();
  const printed = inspect(parseKeyRing(key.line, 'ring'), { depth: 9, showHidden: true });
  const json = JSON.stringify(parseKeyRing(key.line, 'ring'));
  for (const shown of [printed, json]) {
    assert.ok(!shown.includes(key.line));
    assert.ok(!shown.includes(Buffer.from(key.line, 'base64').toString('hex').slice(0, 8)));
  }
});

test('a wrong line is named by its number, and not shown', () => {
  const slip = `${first.line.slice(0, 20)}*${first.line.slice(21)}`;
  const wrong = [
    slip,
    first.line.slice(4),
    `${first.line}AAAA`,
    `${first.line} ${second.line}`,
    'A'.repeat(44),
  ];
  for (const line of wrong) {
    assert.throws(
      () => parseKeyRing(`# one\n${line}\n`, 'the key ring /x'),
      (error: unknown) =>
        error instanceof KeyRingError &&
        error.message.startsWith('the key ring /x, line 2: a key is 32 bytes in base64') &&
        !error.message.includes(line.slice(0, 8)),
    );
  }
});

test('a base64 text whose last digit carries bits that are no part of the key is refused', () => {
  assert.throws(() => parseKeyRing(`${'A'.repeat(42)}B=`, 'ring'), /line 1: a key is 32 bytes/);
});

test('a ring without a key, and one that holds a key twice, are refused', () => {
  assert.throws(
    () => parseKeyRing('# nothing\n\n', 'LEGATE_KEY_RING'),
    /^KeyRingError: LEGATE_KEY_RING holds no key/,
  );
  assert.throws(
    () => parseKeyRing(`${first.line}\n${first.line}`, 'ring'),
    /line 2: a ring holds a key once/,
  );
});

test('a new key goes before the first, below what is said above it; keys go with their lines alone', () => {
  const text = withFirstKey(`# mine\n${first.line} # old\n`, second.line);
  assert.equal(text, `# mine\n${second.line}\n${first.line} # old\n`);
  assert.equal(withoutKeys(text, new Set([first.id])), `# mine\n${second.line}\n`);
});
