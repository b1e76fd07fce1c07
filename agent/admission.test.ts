import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aTask, digestOf } from '../test/harness/task.ts';
import { inputRefusal, refusal } from './admission.ts';

const program = (text: string, digest = digestOf(text)) => ({
  program: { shell: 'bash' as const, text, digest },
});

const hop = {
  host: 'db1.example',
  port: 22,
  user: 'deploy',
  credential: { kind: 'delegate' as const, name: 'deploy' },
  hostKeys: [],
};
type Hop = typeof hop;
const onHost = (changes: Partial<Hop>, jump?: Partial<Hop>) =>
  aTask({
    workingDirectory: '/srv',
    target: { kind: 'host', ...hop, ...changes, jumps: jump ? [{ ...hop, ...jump }] : [] },
  });

describe('a task is admitted', () => {
  const tasks = {
    'as it comes': aTask(),
    'with a program beyond ASCII, whose digest is that of its UTF-8': aTask(program('secret="wörd 😀"')),
    'with an absolute working directory': aTask({ workingDirectory: '/srv/a b' }),
    'with the root as working directory': aTask({ workingDirectory: '/' }),
    'for a host by its name': onHost({}, {}),
    'for a host by its IPv4 address': onHost({ host: '10.0.0.5', port: 65_535 }),
    'for a host by its IPv6 address': onHost({ host: 'fe80::1%eth0' }),
    'for a host, in a directory that begins with a variable': { ...onHost({}), workingDirectory: '$HOME/x' },
  };
  for (const [what, task] of Object.entries(tasks)) test(what, () => assert.equal(refusal(task), undefined));
});

describe('a task is refused', () => {
  const otherDigest = 'the program is not the one that its digest names';
  const relative = 'the working directory must be an absolute path';
  const tasks: [what: string, task: ReturnType<typeof aTask>, refusal: string][] = [
    ['whose digest is of another program', aTask(program('a', digestOf('b'))), otherDigest],
    ['whose program has one blank more', aTask(program('secret=v ', digestOf('secret=v'))), otherDigest],
    ['whose program holds NUL', aTask(program('secret=v\0')), 'the program holds a NUL character'],
    ['whose working directory is relative', aTask({ workingDirectory: 'srv' }), relative],
    ['whose working directory is relative to above', aTask({ workingDirectory: '../srv' }), relative],
    ['whose working directory is an option', aTask({ workingDirectory: '-P' }), relative],
    ['whose working directory is a variable', aTask({ workingDirectory: '$HOME' }), relative],
    [
      'whose working directory holds NUL',
      aTask({ workingDirectory: '/srv\0' }),
      'the working directory holds a NUL character',
    ],
  ];
  for (const [what, task, why] of tasks) test(what, () => assert.equal(refusal(task), why));
});

describe('a task for a host is refused', () => {
  const hosts = [
    '-oProxyCommand=id',
    'a b',
    'a\nb',
    '`id`',
    '$(id)',
    'a\0',
    'a;b',
    '[::1]',
    '::g',
    '',
    'a/b',
    '127.1',
    '0x7f000001',
  ];
  for (const host of hosts) {
    test(`named ${JSON.stringify(host)}, also on the way to another`, () => {
      assert.equal(refusal(onHost({ host })), "the target's host must be a host name or an IP address");
      assert.match(refusal(onHost({}, { host })) ?? '', /host must be .* \(jump host 1\)$/);
    });
  }
  for (const user of ['-l', 'a b', 'a\nb', '`id`', '$(id)', '', 'a\x1b', '@a']) {
    test(`with the user ${JSON.stringify(user)}`, () => {
      assert.match(refusal(onHost({ user })) ?? '', /^the target's user must be/);
    });
  }
  for (const port of [0, -1, 65_536, 1.5])
    test(`with port ${port}`, () => assert.match(refusal(onHost({ port })) ?? '', /port must be/));
  for (const workingDirectory of ['srv', '~', '-'])
    test(`in the directory ${workingDirectory}`, () =>
      assert.match(refusal({ ...onHost({}), workingDirectory }) ?? '', /absolute path/));
});

test('an input that no shell variable can hold is refused by its name, and any other is not', () => {
  assert.equal(inputRefusal('a\0b', 0), 'input __legate_1 holds a NUL character');
  assert.equal(inputRefusal('\0', 99), 'input __legate_100 holds a NUL character');
  for (const value of ['', 'a', '\\0', '\x01\x7f\n', '😀']) assert.equal(inputRefusal(value, 0), undefined);
});
