/**
 * Makes the sealing vectors, values.json and inputs.json in sealing/. Run it only when the format changes:
 * sealing is randomised, so that each run gives other ciphertexts, as good as the ones before.
 * Usage: node protocol/vectors/make.ts
 *
 * It seals with jose directly and not with sealing.ts, so that a mistake there shows as a difference. The
 * expected errors are written here by hand, not taken from a run.
 */
import { writeFileSync } from 'node:fs';
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/** The key of "Bob" in RFC 7748, section 6.1. The whole world knows its private half: for tests only. */
const keys = {
  publicKey: { kty: 'OKP', crv: 'X25519', x: '3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08' },
  privateKey: {
    kty: 'OKP',
    crv: 'X25519',
    x: '3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08',
    d: 'XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os',
  },
};
const note =
  'Test vectors. The private key is published in RFC 7748 (section 6.1, Bob): never use it for anything else.';
const task = 'Zt3vKq8sXw0aB1_c';
const attempt = 2;
const damaged = (what: string) => `${what} can't be opened: it was damaged, or sealed for another key`;
const elsewhere = (what: string, fields: string) => `${what} belongs elsewhere: its ${fields} differ`;

interface Making {
  readonly key?: JWK;
  readonly alg?: string;
  readonly enc?: string;
}

type Header = Record<string, string | number | boolean | readonly string[]>;

async function seal(plain: string | Uint8Array, header: Header, making: Making = {}): Promise<string> {
  const { key = keys.publicKey, alg = 'ECDH-ES', enc = 'A256GCM' } = making;
  const bytes = typeof plain === 'string' ? new TextEncoder().encode(plain) : plain;
  return new CompactEncrypt(bytes)
    .setProtectedHeader({ alg, enc, ...header })
    .encrypt(await importJWK(key, alg));
}

async function anotherKey(): Promise<JWK> {
  const { publicKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
  return exportJWK(publicKey);
}

/** Changes the text of one of the five parts. */
function change(sealed: string, part: number, how: (text: string) => string): string {
  return sealed
    .split('.')
    .map((text, index) => (index === part ? how(text) : text))
    .join('.');
}

const decode = (text: string) => Buffer.from(text, 'base64url').toString();
const encode = (text: string) => Buffer.from(text).toString('base64url');
/** Another first character, which is another byte. */
const spoil = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);

interface Chunk {
  readonly seq: number;
  readonly final: boolean;
  readonly sealed: string;
}

const place = { typ: 'legate-value', task, attempt };

async function chunk(
  plain: string | Uint8Array,
  seq: number,
  final: boolean,
  header: Header = {},
  making: Making = {},
): Promise<Chunk> {
  return { seq, final, sealed: await seal(plain, { ...place, seq, final, ...header }, making) };
}

async function valueVectors(): Promise<object[]> {
  const first = await chunk('a first piece, \u{1f511} ', 0, false);
  const second = await chunk('a second piece, ', 1, false);
  const third = await chunk('and the last.\n', 2, true);
  const only = await chunk('only', 0, true);
  const changed = (part: number, how: (text: string) => string) => [
    { ...only, sealed: change(only.sealed, part, how) },
  ];
  const value = (name: string, chunks: readonly Chunk[], text: string) => ({ name, chunks, value: text });
  const fails = (name: string, chunks: readonly Chunk[], error: string) => ({ name, chunks, error });
  return [
    value(
      'three chunks, which need not be full ones',
      [first, second, third],
      'a first piece, \u{1f511} a second piece, and the last.\n',
    ),
    value('one chunk', [only], 'only'),
    value('an empty value is one empty final chunk', [await chunk('', 0, true)], ''),
    value(
      'header fields of a later version change nothing',
      [await chunk('x', 0, true, { later: '1' })],
      'x',
    ),
    fails('nothing at all', [], 'the value was cut off: its final chunk is missing'),
    fails(
      'truncated: the last chunk is missing',
      [first, second],
      'the value was cut off: its final chunk is missing',
    ),
    fails(
      'truncated, and the end declared on the frame',
      [first, { ...second, final: true }],
      elsewhere('value chunk 1', 'final'),
    ),
    fails('dropped: the chunk in the middle is missing', [first, third], elsewhere('value chunk 1', 'seq')),
    fails(
      'dropped, and the next one renumbered on the frame',
      [first, { ...third, seq: 1 }],
      elsewhere('value chunk 1', 'seq'),
    ),
    fails('dropped: the first chunk is missing', [second, third], elsewhere('value chunk 0', 'seq')),
    fails('repeated', [first, first, second, third], elsewhere('value chunk 1', 'seq')),
    fails(
      'repeated, and renumbered on the frame',
      [first, { ...first, seq: 1 }],
      elsewhere('value chunk 1', 'seq'),
    ),
    fails(
      'the final chunk repeated',
      [first, second, third, third],
      'a value chunk came after the final one',
    ),
    fails('continued after the final chunk', [only, second], 'a value chunk came after the final one'),
    fails('reordered', [second, first, third], elsewhere('value chunk 0', 'seq')),
    fails(
      'the final mark taken off on the frame',
      [{ ...only, final: false }],
      elsewhere('value chunk 0', 'final'),
    ),
    fails(
      'moved from another task',
      [await chunk('x', 0, true, { task: 'another' })],
      elsewhere('value chunk 0', 'task'),
    ),
    fails(
      'moved from an older attempt',
      [await chunk('x', 0, true, { attempt: 1 })],
      elsewhere('value chunk 0', 'attempt'),
    ),
    fails(
      'a chunk of another task amid those of this one',
      [first, await chunk('x', 1, false, { task: 'another' }), third],
      elsewhere('value chunk 1', 'task'),
    ),
    fails(
      'an input in place of a value',
      [{ seq: 0, final: true, sealed: await seal('x', { typ: 'legate-input', task, attempt, index: 0 }) }],
      elsewhere('value chunk 0', 'typ, seq, final'),
    ),
    fails(
      'an attempt that is a text',
      [await chunk('x', 0, true, { attempt: '2' })],
      elsewhere('value chunk 0', 'attempt'),
    ),
    fails(
      'a final that is a number',
      [await chunk('x', 0, true, { final: 1 })],
      elsewhere('value chunk 0', 'final'),
    ),
    fails(
      'without any place',
      [{ seq: 0, final: true, sealed: await seal('x', {}) }],
      elsewhere('value chunk 0', 'typ, task, attempt, seq, final'),
    ),
    fails(
      'sealed for another key',
      [await chunk('x', 0, true, {}, { key: await anotherKey() })],
      damaged('value chunk 0'),
    ),
    fails(
      'the header changed: its task',
      changed(0, text => encode(decode(text).replace(`"${task}"`, '"another"'))),
      damaged('value chunk 0'),
    ),
    fails(
      'the header changed: white space',
      changed(0, text => encode(decode(text).replace('{', '{ '))),
      damaged('value chunk 0'),
    ),
    fails(
      'the header changed: another content encryption',
      changed(0, text => encode(decode(text).replace('A256GCM', 'A128GCM'))),
      damaged('value chunk 0'),
    ),
    fails(
      'the header is not JSON',
      changed(0, () => encode('hello')),
      damaged('value chunk 0'),
    ),
    fails(
      'an encrypted key where there is none',
      changed(1, () => encode('key')),
      damaged('value chunk 0'),
    ),
    fails('another initialisation vector', changed(2, spoil), damaged('value chunk 0')),
    fails('a changed ciphertext', changed(3, spoil), damaged('value chunk 0')),
    fails(
      'a ciphertext that is cut off',
      changed(3, text => text.slice(0, -2)),
      damaged('value chunk 0'),
    ),
    fails('a changed tag', changed(4, spoil), damaged('value chunk 0')),
    fails(
      'a tag that is cut off',
      changed(4, text => text.slice(0, 16)),
      damaged('value chunk 0'),
    ),
    fails(
      'no tag',
      changed(4, () => ''),
      damaged('value chunk 0'),
    ),
    fails('not sealed at all', [{ seq: 0, final: true, sealed: 'hunter2' }], damaged('value chunk 0')),
    fails(
      'another algorithm that this key could open: ECDH-ES+A256KW',
      [await chunk('x', 0, true, {}, { alg: 'ECDH-ES+A256KW' })],
      damaged('value chunk 0'),
    ),
    fails(
      'another content encryption that this key could open: A128GCM',
      [await chunk('x', 0, true, {}, { enc: 'A128GCM' })],
      damaged('value chunk 0'),
    ),
    fails(
      'another content encryption that this key could open: A256CBC-HS512',
      [await chunk('x', 0, true, {}, { enc: 'A256CBC-HS512' })],
      damaged('value chunk 0'),
    ),
    fails('compressed', [await chunk('x'.repeat(100), 0, true, { zip: 'DEF' })], damaged('value chunk 0')),
  ];
}

async function inputVectors(): Promise<object[]> {
  const header = { typ: 'legate-input', task, attempt, index: 3 };
  const sealed = await seal('hunter2 \u{1f511}\n', header);
  const opens = (name: string, text: string, value: string) => ({ name, index: 3, sealed: text, value });
  const fails = (name: string, text: string, error: string) => ({ name, index: 3, sealed: text, error });
  return [
    opens('an input', sealed, 'hunter2 \u{1f511}\n'),
    opens('an empty input', await seal('', header), ''),
    opens('a byte order mark is part of the input', await seal('\ufeffx', header), '\ufeffx'),
    fails(
      'moved from another position',
      await seal('x', { ...header, index: 2 }),
      elsewhere('input 3', 'index'),
    ),
    fails(
      'moved from another task',
      await seal('x', { ...header, task: 'another' }),
      elsewhere('input 3', 'task'),
    ),
    fails(
      'moved from an older attempt',
      await seal('x', { ...header, attempt: 1 }),
      elsewhere('input 3', 'attempt'),
    ),
    fails(
      'a value in place of an input',
      await seal('x', { ...place, seq: 0, final: true }),
      elsewhere('input 3', 'typ, index'),
    ),
    fails('sealed for another key', await seal('x', header, { key: await anotherKey() }), damaged('input 3')),
    fails('a changed ciphertext', change(sealed, 3, spoil), damaged('input 3')),
    fails(
      'the header changed: its position',
      change(await seal('x', { ...header, index: 2 }), 0, text =>
        encode(decode(text).replace('"index":2', '"index":3')),
      ),
      damaged('input 3'),
    ),
    fails('not UTF-8', await seal(Uint8Array.of(0x61, 0xff, 0xfe), header), 'input 3 is not UTF-8 text'),
    fails('compressed', await seal('x'.repeat(100), { ...header, zip: 'DEF' }), damaged('input 3')),
  ];
}

function write(file: string, cases: readonly object[]): void {
  const content = { note, keys, task, attempt, cases };
  writeFileSync(new URL(`sealing/${file}`, import.meta.url), `${JSON.stringify(content, null, 2)}\n`);
}

write('values.json', await valueVectors());
write('inputs.json', await inputVectors());
