import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../../protocol/index.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { liveLog } from './live-log.ts';
import { redactor } from './redact.ts';

const mask = '**************';
const pauseMs = 200;

/** A live log whose messages a test reads, and whose reader takes them at once unless it is told otherwise. */
function open(secrets: string[] = [], taken: () => Promise<void> = async () => {}) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const log = liveLog({
    secrets,
    clock,
    send: text => {
      sent.push(text);
      return taken();
    },
  });
  return {
    clock,
    sent,
    write: (text: string | Buffer) => log.write(Buffer.from(text)),
    /** Ends it as a run does that has found this value. */
    end: (value = '') => log.end(redactor([...secrets, value])),
  };
}

describe('lines are sent', () => {
  test('while the script runs, those that come together as one message', async () => {
    const { clock, sent, write } = open();
    write('one\n');
    await clock.advance(pauseMs - 1);
    write('two\n');
    assert.deepEqual(sent, []);
    await clock.advance(1);
    assert.deepEqual(sent, ['one\ntwo\n']);
    write('three\n');
    await clock.advance(pauseMs);
    assert.deepEqual(sent, ['one\ntwo\n', 'three\n']);
  });

  test('when they are complete, and the last one at the end', async () => {
    const { clock, sent, write, end } = open();
    write('be');
    await clock.advance(10_000);
    write('gun\nand n');
    await clock.advance(pauseMs);
    assert.deepEqual(sent, ['begun\n']);
    write('ot ended');
    assert.equal(end(), 'and not ended');
  });

  test('with characters whole that came in two parts', async () => {
    const { clock, sent, write } = open();
    const bytes = Buffer.from('é\u{1f511}\n');
    for (const byte of bytes) write(Buffer.of(byte));
    await clock.advance(pauseMs);
    assert.deepEqual(sent, ['é\u{1f511}\n']);
  });

  test('no faster than the reader takes them', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, sent, write } = open([], () => promise);
    write('one\n');
    await clock.advance(pauseMs);
    write('two\n');
    await clock.advance(10_000);
    assert.deepEqual(sent, ['one\n']);
    resolve();
    await clock.advance(pauseMs);
    assert.deepEqual(sent, ['one\n', 'two\n']);
  });

  test('not after the end, and no timer is left', async () => {
    const { clock, sent, write, end } = open();
    write('one\n');
    assert.equal(end(), 'one\n');
    write('two\n');
    clock.assertNoTimers();
    await clock.advance(10_000);
    assert.deepEqual(sent, []);
  });
});

describe('what is masked', () => {
  const secret = 'hunter2-input';

  test('a secret input, wherever the writes part it', async () => {
    for (let cut = 1; cut < secret.length; cut += 1) {
      const { clock, sent, write } = open([secret]);
      write(`got ${secret.slice(0, cut)}`);
      await clock.advance(10_000);
      write(`${secret.slice(cut)}!\n`);
      await clock.advance(pauseMs);
      assert.deepEqual(sent, [`got ${mask}!\n`]);
    }
  });

  test('each line of a secret input of several, also when they come apart', async () => {
    const { clock, sent, write } = open(['first line\nsecond line\n']);
    for (const line of ['first line', 'second line']) {
      write(`${line}\n`);
      await clock.advance(pauseMs);
    }
    assert.deepEqual(sent, [`${mask}\n`, `${mask}\n`]);
  });

  test('what is a credential by its shape', async () => {
    const { clock, sent, write } = open();
    const part = (data: object) => Buffer.from(JSON.stringify(data)).toString('base64url');
    write(`ghp_${'a1B2'.repeat(9)} ${part({ alg: 'RS256' })}.${part({ iss: 1 })}.c2ln\n`);
    await clock.advance(pauseMs);
    assert.deepEqual(sent, [`${mask} ${mask}\n`]);
  });

  test('base64 that was broken into lines, however slowly they come and however narrow they are', async () => {
    const long = 'a long secret, as long as a private key is: '.repeat(3);
    const base64 = Buffer.from(long).toString('base64');
    for (const width of [5, 16, 76]) {
      const { clock, sent, write, end } = open([long]);
      for (const line of ['data:', ...(base64.match(new RegExp(`.{1,${width}}`, 'g')) ?? []), 'end']) {
        write(`  ${line}\n`);
        await clock.advance(60_000);
      }
      const text = sent.join('') + end();
      assert.match(text, /^ {2}data:\n {2}\*{14}(\s*[\w=]){0,3}\n {2}end\n$/);
    }
  });

  test('the rest of base64 whose first line is too short to be held back for', async () => {
    const long = 'a long secret, as long as a private key is: '.repeat(3);
    const base64 = Buffer.from(long).toString('base64');
    const { clock, sent, write } = open([long]);
    write(`data: ${base64.slice(0, 3)}\n`);
    await clock.advance(60_000);
    write(`${base64.slice(3)}\nend\n`);
    await clock.advance(60_000);
    assert.equal(sent[0], `data: ${base64.slice(0, 3)}\n`);
    assert.match(sent[1] ?? '', /^\*{14}.{0,3}=*\nend\n$/);
  });

  test('the value in what is sent at the end', async () => {
    const { clock, sent, write, end } = open();
    write('reading\n');
    await clock.advance(pauseMs);
    write('got the value\nwhich is the value');
    assert.deepEqual(sent, ['reading\n']);
    assert.equal(end('the value'), `got ${mask}\nwhich is ${mask}`);
  });
});

describe('a script that writes much', () => {
  test('is heard in few messages of a bounded size, which end with its last lines', async () => {
    const { clock, sent, write, end } = open();
    const line = (number: number) => `line ${String(number).padStart(10, '0')}\n`;
    for (let number = 0; number < 65_536; number += 1) {
      write(line(number));
      // As if it took a minute.
      if (number % 64 === 0) await clock.advance(60);
    }
    const rest = end();
    assert.ok(sent.length > 5 && sent.length <= 56, `${sent.length} messages`);
    for (const text of sent) {
      assert.ok(text.length <= limits.log, `${text.length} characters`);
      assert.match(text, /^(\[\d+ characters were left out here\]\n)?(line \d{10}\n)+$/);
    }
    assert.ok(rest.length <= 4 * limits.log && rest.endsWith(line(65_535)));
    const all = [...sent, rest].join('');
    const leftOut = [...all.matchAll(/\[(\d+) /g)].reduce((sum, [, count]) => sum + Number(count), 0);
    assert.equal(leftOut + all.replaceAll(/\[.*\n/g, '').length, 1_048_576);
  });

  test('and for an hour is heard to the end', async () => {
    const { clock, sent, write } = open();
    let lastSent = 0;
    for (let second = 0; second < 3_600; second += 1) {
      const before = sent.length;
      write(`second ${second}\n`);
      await clock.advance(1_000);
      if (sent.length > before) lastSent = second;
    }
    assert.ok(sent.length <= 56);
    assert.ok(lastSent > 1_800, `the last message came after ${lastSent} s`);
  });

  test('without a line end loses the line, not only its beginning', async () => {
    const { clock, sent, write, end } = open();
    write('x'.repeat(65_537));
    write('y\nnext\n');
    await clock.advance(pauseMs);
    assert.deepEqual(sent, ['[65539 characters were left out here]\nnext\n']);
    assert.equal(end(), '');
  });
});
