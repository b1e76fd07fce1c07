import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import {
  type Clock,
  generateSealingKeys,
  limits,
  openValue,
  sealCredential,
  sealInput,
  systemClock,
  type TaskInput,
} from '../protocol/index.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { eventually, openRunner } from '../test/harness/local-runner.ts';
import { aTask, digestOf } from '../test/harness/task.ts';
import { type TemporaryFolder, temporaryFolder } from '../test/harness/temporary-folder.ts';
import type { End, Execution } from './execute/execution.ts';
import type { HostRunner } from './execute/host.ts';
import type { LocalRunner } from './execute/local.ts';
import { type Outcome, runTask, type SendLog } from './run-task.ts';
import { readPatterns } from './script/custom-patterns.ts';

const mask = '**************';
const scripts = await openRunner({ standby: 1 });
after(() => scripts[Symbol.asyncDispose]());
const [keys, requester] = await Promise.all([generateSealingKeys(), generateSealingKeys()]);
const identity = { task: 'task-1', attempt: 1 };

interface Wanted {
  readonly inputs?: TaskInput[];
  readonly workingDirectory?: string;
  readonly remainingMs?: number;
  readonly signal?: AbortSignal;
  /** Asks for a live log, and gets it, by this clock. */
  readonly sendLog?: SendLog;
  readonly clock?: Clock;
  /** A file of patterns for what is masked. */
  readonly patterns?: string;
}

const noHosts: HostRunner = { at: () => assert.fail('it has no target') };

/** Runs a program as a task, for real. */
function run(text: string, wanted: Wanted = {}, runner: LocalRunner = scripts.runner): Promise<Outcome> {
  const {
    inputs = [],
    workingDirectory,
    remainingMs = 20_000,
    signal = new AbortController().signal,
    sendLog,
    clock = systemClock,
    patterns = '',
  } = wanted;
  const task = aTask({
    program: { shell: 'bash', text, digest: digestOf(text) },
    inputs,
    recipient: requester.publicKey,
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(sendLog ? { liveLogs: true } : {}),
  });
  const notAskedFor = () => assert.fail('a log was sent that nobody asked for');
  return runTask(
    task,
    { runner, hosts: noHosts, keys, clock, sanitize: readPatterns(patterns) },
    { remainingMs, signal },
    sendLog ?? notAskedFor,
  );
}

const plain = (data: string): TaskInput => ({ kind: 'plain', data });
const sealed = async (value: string, index = 0, to = keys.publicKey, id = identity): Promise<TaskInput> => ({
  kind: 'sealed',
  data: await sealInput(value, to, id, index),
});

/** The value as its requester reads it, and in how many chunks it came. */
async function delivered(outcome: Outcome): Promise<{ value: string; chunks: number }> {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const opener = openValue(requester, identity);
  const parts: Uint8Array[] = [];
  for await (const chunk of outcome.chunks) parts.push(await opener.open(chunk));
  opener.finish();
  return { value: Buffer.concat(parts).toString(), chunks: parts.length };
}

/** What failed, without the time that it took. */
function failureOf({ durationMs: _durationMs, ...outcome }: Outcome) {
  assert.ok(!outcome.ok, 'it did not fail');
  const { ok: _ok, log: _log, ...failure } = outcome;
  return failure;
}

describe('a value reaches who asked for it, and nobody else', () => {
  test('trimmed, sealed to the requester', async () => {
    const outcome = await run(`secret=$' v\\r\\nw \\n'`);
    assert.ok(!JSON.stringify(outcome).includes('v\\nw'));
    assert.deepEqual(await delivered(outcome), { value: 'v\nw', chunks: 1 });
  });

  test('up to the largest, in chunks', async () => {
    const { value, chunks } = await delivered(await run(`printf -v secret '%0${limits.value}d' 0`));
    assert.ok(value === '0'.repeat(limits.value));
    assert.equal(chunks, limits.chunks);
  });
});

describe('inputs arrive in their variables', () => {
  test('plain and sealed, in their order', async () => {
    const inputs = [plain('a "b"'), await sealed('sealed $x', 1), plain('')];
    const outcome = await run('secret="[$__legate_1][$__legate_2][$__legate_3]"', { inputs });
    assert.equal((await delivered(outcome)).value, '[a "b"][sealed $x][]');
  });

  const secret = 'hunter2-input';
  const unopened: [what: string, input: () => Promise<TaskInput>, detail: RegExp][] = [
    [
      'sealed for another agent',
      async () => sealed(secret, 0, (await generateSealingKeys()).publicKey),
      /^input 0 can't be opened/,
    ],
    [
      'sealed for another task',
      () => sealed(secret, 0, keys.publicKey, { task: 'x', attempt: 1 }),
      /its task differ/,
    ],
    [
      'sealed for another attempt',
      () => sealed(secret, 0, keys.publicKey, { task: 'task-1', attempt: 2 }),
      /its attempt differ/,
    ],
    ['sealed for another place', () => sealed(secret, 1), /its index differ/],
    [
      'damaged',
      async () => ({ kind: 'sealed', data: (await sealed(secret)).data.replace(/.{8}$/, 'AAAAAAAA') }),
      /can't be opened/,
    ],
    ['sealed with NUL in it', () => sealed(`${secret}\0`), /^input __legate_1 holds a NUL character$/],
    ['plain with NUL in it', async () => plain(`${secret}\0`), /^input __legate_1 holds a NUL character$/],
  ];
  for (const [what, input, detail] of unopened) {
    test(`but not when ${what}: nothing runs, and nothing of it is shown`, async () => {
      const runner = { run: () => assert.fail('it ran'), close: async () => {} };
      const failure = failureOf(await run('secret=v', { inputs: [await input()] }, runner));
      assert.equal(failure.reason, 'unresolved-input');
      assert.match(failure.detail ?? '', detail);
      assert.ok(!JSON.stringify(failure).includes(secret));
    });
  }
});

describe('why there is no value', () => {
  const ended = 'the script ended early, before its last line';
  const scriptsThatFail: [script: string, failure: object][] = [
    ['exit 7', { reason: 'script-failed', exitCode: 7, detail: 'the script ended with exit code 7' }],
    [
      'kill -KILL $$',
      {
        reason: 'script-failed',
        signal: 'SIGKILL',
        detail: 'the script was ended by SIGKILL, as the system does when memory runs out',
      },
    ],
    ['secret=', { reason: 'empty-value', exitCode: 0 }],
    ['secret=null', { reason: 'empty-value', exitCode: 0 }],
    ['secret=v; exit 0', { reason: 'empty-value', exitCode: 0, detail: ended }],
    ["secret=$'\\xff'", { reason: 'invalid-value', exitCode: 0 }],
    [
      `printf -v secret '%0${limits.value + 1}d' 0`,
      { reason: 'value-too-large', detail: `the value is larger than ${limits.value} bytes` },
    ],
  ];
  for (const [script, failure] of scriptsThatFail)
    test(script, async () => assert.deepEqual(failureOf(await run(script)), failure));

  test('a working directory that is not there', async () => {
    const failure = failureOf(await run('secret=v', { workingDirectory: '/nonexistent' }));
    assert.equal(failure.reason, 'working-directory-missing');
    assert.equal(failure.exitCode, undefined);
    assert.match(failure.stderrTail ?? '', /\/nonexistent/);
  });

  test('no bash', async () => {
    await using none = await openRunner({ shell: 'no-bash' });
    assert.deepEqual(failureOf(await run('secret=v', {}, none.runner)), {
      reason: 'shell-missing',
      detail: "there is no no-bash on the delegate's PATH",
    });
  });

  const ends: [end: End, failure: object][] = [
    [
      { kind: 'timed-out', forced: false },
      {
        reason: 'timed-out',
        detail: 'the script was stopped after 1.2 s; its process tree ended on SIGTERM',
      },
    ],
    [
      { kind: 'cancelled', forced: true },
      {
        reason: 'cancelled',
        detail: 'the script was stopped after 1.2 s; its process tree ignored SIGTERM and was killed',
      },
    ],
    [
      { kind: 'not-started', reason: 'internal', detail: 'why' },
      { reason: 'internal', detail: 'why' },
    ],
  ];
  for (const [end, failure] of ends) {
    test(`${JSON.stringify(end)}`, async () => {
      const execution: Execution = {
        end,
        collected: { directoryMissing: false },
        stderr: Buffer.alloc(0),
        durationMs: 1_234,
      };
      const outcome = await run('secret=v', {}, { run: async () => execution, close: async () => {} });
      assert.deepEqual(failureOf(outcome), failure);
      assert.equal(outcome.durationMs, 1_234);
    });
  }

  test('a script that fails after it had the value, which is not delivered', async () => {
    const failure = failureOf(await run('secret=v\ntrap "exit 3" EXIT'));
    assert.equal(failure.reason, 'script-failed');
  });
});

describe('error output is shown without', () => {
  const secret = 'hunter2$x"y';

  test('the value, when it was delivered', async () => {
    const outcome = await run(`secret='${secret}'; echo "got $secret" >&2`);
    assert.equal(outcome.ok, true);
    assert.equal(outcome.log, `got ${mask}\n`);
  });

  test('the value, when it was not delivered', async () => {
    for (const end of ['exit 3', 'exit 0', 'kill $$', 'set -e; false']) {
      const failure = failureOf(await run(`secret='${secret}'; echo "got $secret" >&2; ${end}`));
      assert.equal(failure.stderrTail, `got ${mask}`);
    }
  });

  test('the value, when the script ran out of time', async () => {
    const program = `secret='${secret}'; echo "got $secret" >&2; sleep 60`;
    const failure = failureOf(await run(program, { remainingMs: 500 }));
    assert.equal(failure.reason, 'timed-out');
    assert.equal(failure.stderrTail, `got ${mask}`);
  });

  test('the value before it was trimmed, and the line of one that is refused', async () => {
    const failure = failureOf(await run(`secret=$'  ${'first line'}\\n\\xff'; echo "first line" >&2`));
    assert.equal(failure.reason, 'invalid-value');
    assert.equal(failure.stderrTail, mask);
  });

  test('any of it, when the value was too large to be known', async () => {
    const program = `secret=$(seq -f 'line %09g' 200000); echo "$secret" >&2`;
    const outcome = await run(program);
    assert.equal(failureOf(outcome).reason, 'value-too-large');
    assert.equal(failureOf(outcome).stderrTail, undefined);
    assert.equal(outcome.log, '');
  });

  test('secret inputs, while those that are not secret stay readable', async () => {
    const inputs = [plain('public'), await sealed(secret, 1)];
    const failure = failureOf(await run('echo "$__legate_1 $__legate_2" >&2; exit 3', { inputs }));
    assert.equal(failure.stderrTail, `public ${mask}`);
  });

  test('them in a detail either', async () => {
    const end: End = { kind: 'not-started', reason: 'internal', detail: `cannot start ${secret}` };
    const execution = { end, collected: { directoryMissing: false }, stderr: Buffer.alloc(0), durationMs: 0 };
    const runner = { run: async () => execution, close: async () => {} };
    const outcome = await run('secret=v', { inputs: [await sealed(secret)] }, runner);
    assert.equal(failureOf(outcome).detail, `cannot start ${mask}`);
  });

  test('its beginning, when it is long: whole lines, as many as fit', async () => {
    const failure = failureOf(await run('for i in {1..1000}; do echo "line $i"; done >&2; exit 3'));
    const tail = failure.stderrTail ?? '';
    assert.ok(tail.length <= limits.stderrTail && tail.length > limits.stderrTail - 20);
    assert.match(tail, /^line \d+\n[\s\S]*\nline 1000$/);
  });

  test('its beginning, when it is one long line', async () => {
    const failure = failureOf(await run("printf '%05000d' 0 >&2; exit 3"));
    assert.equal(failure.stderrTail, '0'.repeat(limits.stderrTail));
  });

  test('anything, when there was none', async () => {
    assert.equal('stderrTail' in failureOf(await run('echo >&2; exit 3')), false);
  });
});

describe('a live log', () => {
  /** A program that says something, waits for the test, and goes on. */
  function waitingProgram(folder: TemporaryFolder, first: string, rest: string) {
    const fifo = folder.file('go-on');
    execFileSync('mkfifo', [fifo]);
    return { program: `${first}\nread -r _ <'${fifo}'\n${rest}`, goOn: () => writeFile(fifo, '\n') };
  }

  /** What is sent, by a clock that stands still but for `first`: that sends what there is. */
  function listen() {
    const sent: string[] = [];
    const clock = new FakeClock();
    return {
      sent,
      live: {
        clock,
        sendLog: async (text: string) => {
          sent.push(text);
        },
      },
      first: async () => {
        await eventually('the script has written a line', () => clock.pending().length > 0);
        await clock.advance(200);
        return sent;
      },
    };
  }

  test('says what the script has written while it still runs, and at the end the rest', async () => {
    using folder = temporaryFolder();
    const { sent, live, first } = listen();
    const rest = 'secret="late value"; echo "got $secret" >&2; printf "no newline" >&2';
    const { program, goOn } = waitingProgram(folder, 'echo "one $__legate_1" >&2', rest);
    const running = run(program, { inputs: [await sealed('hunter2-input')], ...live });
    assert.deepEqual(await first(), [`one ${mask}\n`]);
    await goOn();
    const outcome = await running;
    assert.equal((await delivered(outcome)).value, 'late value');
    assert.equal(outcome.log, `got ${mask}\nno newline`);
    assert.equal(sent.length, 1);
    live.clock.assertNoTimers();
  });

  test('leaves the end of the error output with a failure as it is, without the value', async () => {
    using folder = temporaryFolder();
    const { live, first } = listen();
    const { program, goOn } = waitingProgram(folder, 'echo "one 1234567" >&2', 'secret=1234567; exit 3');
    const running = run(program, live);
    assert.deepEqual(await first(), ['one 1234567\n']);
    await goOn();
    const outcome = await running;
    assert.equal(failureOf(outcome).stderrTail, `one ${mask}`);
    assert.equal(outcome.log, '');
  });

  test('masks a secret input that the script writes in two parts', async () => {
    using folder = temporaryFolder();
    const { live, first } = listen();
    const begin = 'echo begin >&2; printf %s "${__legate_1:0:7}" >&2';
    const { program, goOn } = waitingProgram(folder, begin, 'echo "${__legate_1:7}" >&2; secret=v');
    const running = run(program, { inputs: [await sealed('hunter2-input')], ...live });
    assert.deepEqual(await first(), ['begin\n']);
    await goOn();
    assert.equal((await running).log, `${mask}\n`);
  });

  test('of a mebibyte of noise is a few messages, and ends with the last line', async () => {
    const { sent, live } = listen();
    const noise = 'for i in {1..65536}; do echo "noise 123456789"; done >&2; echo end >&2; secret=v';
    const { log } = await run(noise, { sendLog: live.sendLog });
    assert.ok(sent.length <= 56 && sent.every(text => text.length <= limits.log));
    assert.ok(log.length <= 4 * limits.log);
    assert.ok([...sent, log].join('').endsWith('end\n'));
  });

  test('has no rest where the value was too large to be known', async () => {
    const { live } = listen();
    const outcome = await run(`secret=$(seq -f 'line %09g' 200000); echo "$secret" >&2`, live);
    assert.equal(outcome.log, '');
  });
});

describe('a task with a target', () => {
  const passphrase = 'hunter2-passphrase';
  const privateKey = 'line one of a key\nline two of a key';
  const failing = (detail: string): HostRunner & { targets: unknown[] } => {
    const targets: unknown[] = [];
    const end: End = { kind: 'not-started', reason: 'host-unreachable', detail };
    const execution = { end, collected: { directoryMissing: false }, stderr: Buffer.alloc(0), durationMs: 0 };
    return {
      targets,
      at(target) {
        targets.push(target);
        return { run: async () => execution };
      },
    };
  };
  const onHost = async (index: number, hosts: HostRunner) => {
    const credential = { kind: 'key', privateKey, passphrase } as const;
    const data = await sealCredential(credential, keys.publicKey, identity, index);
    const hop = { host: 'db1', port: 22, user: 'deploy', hostKeys: [] };
    const local = { kind: 'delegate', name: 'bastion' } as const;
    const target = {
      kind: 'host' as const,
      ...hop,
      credential: { kind: 'sealed' as const, data },
      jumps: [{ ...hop, host: 'bastion', credential: local }],
    };
    const runner = { run: () => assert.fail('it ran here') };
    const bounds = { remainingMs: 1_000, signal: new AbortController().signal };
    return runTask(aTask({ target }), { runner, hosts, keys }, bounds, async () => {});
  };

  test('goes to its host with its credentials opened, those of the delegate by name', async () => {
    const hosts = failing('no route');
    const outcome = await onHost(0, hosts);
    assert.deepEqual(failureOf(outcome), { reason: 'host-unreachable', detail: 'no route' });
    const hop = { host: 'db1', port: 22, user: 'deploy', hostKeys: [] };
    assert.deepEqual(hosts.targets, [
      {
        ...hop,
        credential: { kind: 'key', privateKey, passphrase },
        jumps: [{ ...hop, host: 'bastion', credential: { kind: 'delegate', name: 'bastion' } }],
      },
    ]);
  });

  test('fails with as much of what a host says as a message may hold', async () => {
    const outcome = await onHost(0, failing('no '.repeat(10_000)));
    assert.ok(!outcome.ok);
    assert.equal(outcome.detail?.length, 1_000);
  });

  test('fails without a word of its credentials', async () => {
    const outcome = await onHost(0, failing(`cannot use line two of a key with ${passphrase}`));
    assert.equal(failureOf(outcome).detail, `cannot use ${mask} with ${mask}`);
  });

  test('does not run when a credential was sealed for another place', async () => {
    const outcome = await onHost(1, failing('unused'));
    assert.equal(failureOf(outcome).reason, 'unresolved-input');
    assert.match(failureOf(outcome).detail ?? '', /^credential 0 belongs elsewhere/);
  });

  test('whose connection broke while it ran is told so', async () => {
    const end: End = { kind: 'lost', detail: 'reset by peer' };
    const execution = { end, collected: { directoryMissing: false }, stderr: Buffer.alloc(0), durationMs: 0 };
    const outcome = await onHost(0, { at: () => ({ run: async () => execution }) });
    assert.deepEqual(failureOf(outcome), { reason: 'host-connection-lost', detail: 'reset by peer' });
  });
});

test('what a script prints of secrets is masked in every form, in the live log and in the failure', async () => {
  const secret = `gr\u00fcn "quoted" & p\\a'ss`;
  const jwt = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${'e'.repeat(20)}.${'s'.repeat(43)}`;
  const program = `
    printf '%s\n' "plain: $__legate_1" >&2
    printf '%s' "$__legate_1" | base64 -w0 >&2; echo >&2
    printf '%s' "user:$__legate_1" | base64 -w0 >&2; echo >&2
    printf '%s\n' "json: $__legate_2" "url: $__legate_3" >&2
    echo "github: ghp_$(printf 'a%.0s' {1..36})" >&2
    echo 'jwt: ${jwt}' >&2
    echo 'own: EMP-123456' >&2
    exit 3`;
  const inputs = [
    await sealed(secret, 0),
    plain(JSON.stringify(secret).slice(1, -1)),
    plain(encodeURIComponent(secret)),
  ];
  const pieces: string[] = [];
  const outcome = await run(program, {
    inputs,
    patterns: 'EMP-[0-9]{6}',
    sendLog: async text => void pieces.push(text),
  });
  assert.ok(!outcome.ok && outcome.reason === 'script-failed');
  const { stderrTail = '', log } = outcome;
  for (const text of [stderrTail, pieces.join('') + log]) {
    assert.match(text, /^plain: \*{14}$/m);
    assert.match(text, /^json: \*{14}$/m);
    assert.match(text, /^url: \*{14}$/m);
    assert.match(text, /^github: \*{14}$/m);
    assert.match(text, /^jwt: \*{14}$/m);
    assert.match(text, /^own: \*{14}$/m);
    // Of base64 a character at an edge may be left, which holds bits of what stands beside.
    assert.match(text, /^\*{14}.?={0,2}$/m);
    assert.match(text, /^dXNlcj.?\*{14}.?={0,2}$/m);
  }
});
