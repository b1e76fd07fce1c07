/** Of what comes back from a host only complete records with the right nonce are read, however it is cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorOutput, hostChannel } from './host-channel.ts';

const nonce = 'a1b2';

function read(text: string, piece = text.length, most = 10) {
  let overflows = 0;
  const channel = hostChannel({
    nonce,
    most,
    onRecord: () => {},
    onOverflow: () => {
      overflows += 1;
    },
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += piece) channel.write(bytes.subarray(at, at + piece));
  const { value, uncollected, directoryMissing } = channel.collected();
  return {
    value: value?.toString(),
    uncollected: uncollected?.toString(),
    directoryMissing,
    version: channel.version(),
    forced: channel.forced(),
    begun: channel.begun(),
    overflows,
    noise: channel.noise(),
  };
}

const nothing = {
  value: undefined,
  uncollected: undefined,
  directoryMissing: false,
  version: undefined,
  forced: undefined,
  begun: false,
  overflows: 0,
  noise: '',
};
const begun = { ...nothing, version: '5', begun: true };

describe('a channel that holds', () => {
  const channels: [text: string, expected: object][] = [
    ['', nothing],
    ['hello', { ...nothing, noise: 'hello' }],
    ['a1b2#5\0a1b2=v\0', { ...begun, value: 'v' }],
    ['noise a1b a1b2#5\0more a1 noise\0a1b2=v\0 end', { ...begun, value: 'v', noise: 'noise a1b ' }],
    ['a1b2#5\0a1b2=v', begun],
    ['a1b2#5\0a1b2=v\0a1b2=w\0', { ...begun, value: 'v' }],
    ['a1b2#5\0a1b2!v\0', { ...begun, uncollected: 'v' }],
    ['a1b2#5\0a1b2=a1b2=\0', { ...begun, value: 'a1b2=' }],
    ['a1b2?5\0', { ...nothing, directoryMissing: true, begun: true }],
    ['a1b2#5\0a1b2!v\0a1b2.1\0', { ...begun, uncollected: 'v', forced: true }],
    ['a1b2#5\0=v\0', begun],
    ['a1b2#5\0b2=v\0xxxx=v\0', begun],
    ['a1b2#5\0a1b2=123456789\0', { ...begun, value: '123456789' }],
    ['a1b2#5\0a1b2=1234567890\0a1b2.0\0', { ...begun, forced: false, overflows: 1 }],
  ];
  for (const [text, expected] of channels) {
    test(JSON.stringify(text), () => {
      for (let piece = 1; piece <= Math.max(1, text.length); piece += 1)
        assert.deepEqual(read(text, piece), expected, `in pieces of ${piece}`);
    });
  }
});

test('a megabyte of noise is not kept', () => {
  assert.equal(read('x'.repeat(1_000_000), 32_768).noise.length, 1_024 + nonce.length - 1);
});

describe('error output', () => {
  const cases: [text: string, taken: string, login: string][] = [
    ['warning\na1b2\nscript\n', 'script\n', ''],
    ['a1b2\n', '', ''],
    ['only the login\n', '', 'only the login\n'],
    ['a1b2\na1b2\n', 'a1b2\n', ''],
  ];
  for (const [text, expected, login] of cases) {
    test(`${JSON.stringify(text)} is the script's from the nonce on`, () => {
      for (let piece = 1; piece <= text.length; piece += 1) {
        let taken = '';
        const errors = errorOutput(nonce, chunk => {
          taken += chunk.toString();
        });
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += piece) errors.write(bytes.subarray(at, at + piece));
        assert.equal(taken, expected);
        assert.equal(errors.login().toString(), login);
      }
    });
  }
});
