import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, test } from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { eventually } from '../test/harness/local-runner.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { digestOf, givenToken, tokenInFile } from './token-source.ts';

function inFolder() {
  const folder = temporaryFolder();
  const path = folder.file('token');
  writeFileSync(path, 'lgd_one\n');
  return {
    path,
    source: tokenInFile(path, 'lgd_one'),
    /** As another process, or the same one after it was killed. */
    another: () => tokenInFile(path, readFileSync(path, 'utf8').trim()),
    held: () => readFileSync(path, 'utf8'),
    names: () => readdirSync(folder.path).sort(),
    file: (name: string) => folder.file(name),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

test('a new token is kept beside the file, for nobody else to read, and put in its place in one step', () => {
  using world = inFolder();
  const made = world.source.prepare();
  assert.match(made, /^lgd_[A-Za-z0-9_-]{43}$/);
  assert.equal(world.held(), 'lgd_one\n');
  assert.deepEqual(world.names(), ['token', 'token.next']);
  assert.equal(statSync(`${world.path}.next`).mode & 0o777, 0o600);
  assert.equal(readFileSync(`${world.path}.next`, 'utf8'), `${made}\n${digestOf('lgd_one')}\n`);
  world.source.replaceBy(made);
  assert.equal(world.held(), `${made}\n`);
  assert.equal(statSync(world.path).mode & 0o777, 0o600);
  assert.deepEqual(world.names(), ['token']);
  assert.equal(world.source.choose(), made);
});

test('the second generation is kept and replaced like the first', () => {
  using world = inFolder();
  let before = 'lgd_one';
  for (let generation = 0; generation < 3; generation += 1) {
    const made = world.source.prepare();
    assert.notEqual(made, before);
    world.source.replaceBy(made);
    assert.equal(world.another().choose(), made);
    assert.equal(statSync(world.path).mode & 0o777, 0o600);
    before = made;
  }
});

test('whoever finds both tries the new one first, then the other, and goes on with the one that is let in', () => {
  using world = inFolder();
  const made = world.source.prepare();
  const again = world.another();
  assert.equal(again.choose(), made);
  assert.equal(again.hasOther(), true);
  assert.equal(again.choose(), 'lgd_one');
  assert.deepEqual(world.names(), ['token', 'token.next'], 'neither is thrown away');
  again.welcomed();
  assert.equal(world.held(), 'lgd_one\n');
  assert.equal(again.prepare(), made, 'what was begun is ended');
  const third = world.another();
  assert.equal(third.choose(), made);
  third.welcomed();
  assert.equal(world.held(), `${made}\n`);
  assert.deepEqual(world.names(), ['token']);
});

test('when both were refused there is no other, until one is let in or changed', () => {
  using world = inFolder();
  world.source.prepare();
  for (const isThere of [true, false]) {
    world.source.choose();
    assert.equal(world.source.hasOther(), isThere);
  }
  writeFileSync(world.path, 'lgd_two');
  assert.equal(world.source.hasOther(), true);
  assert.equal(world.source.choose(), 'lgd_two');
});

test('what somebody else puts in the file is never overwritten', () => {
  using world = inFolder();
  const made = world.source.prepare();
  writeFileSync(world.path, 'lgd_theirs');
  world.source.replaceBy(made);
  assert.equal(world.held(), 'lgd_theirs');
  assert.deepEqual(world.names(), ['token']);
  assert.equal(world.source.choose(), 'lgd_theirs');
  const next = world.source.prepare();
  writeFileSync(world.path, 'lgd_more');
  assert.equal(world.another().choose(), 'lgd_more', 'what was to replace another one does not count');
  assert.notEqual(world.another().prepare(), next);
});

test('replicas that share the file make one token together', () => {
  using world = inFolder();
  const other = world.another();
  const made = world.source.prepare();
  assert.equal(other.prepare(), made);
  world.source.replaceBy(made);
  other.replaceBy(made);
  assert.equal(world.held(), `${made}\n`);
  assert.equal(other.current, made);
});

test('a token that was refused is thrown away, and no other', () => {
  using world = inFolder();
  const made = world.source.prepare();
  world.source.discard('lgd_other');
  assert.deepEqual(world.names(), ['token', 'token.next']);
  world.source.discard(made);
  assert.deepEqual(world.names(), ['token']);
});

test('a file that is gone, empty or broken for a moment does not lose the token', () => {
  using world = inFolder();
  for (const text of ['', 'two words', 'a\nb']) {
    writeFileSync(world.path, text);
    assert.equal(world.source.choose(), 'lgd_one');
  }
  renameSync(world.path, world.file('elsewhere'));
  assert.equal(world.source.choose(), 'lgd_one');
});

describe('a token that cannot be replaced from here says why', () => {
  test('in the environment', () => {
    assert.match(givenToken('x').cannotReplace ?? '', /in the environment/);
  });
  test('behind a link, as in a mounted secret', () => {
    using world = inFolder();
    symlinkSync(world.path, world.file('link'));
    assert.match(tokenInFile(world.file('link'), 'x').cannotReplace ?? '', /is a link/);
  });
  test('in a folder that is gone, or read-only', () => {
    using world = inFolder();
    assert.match(tokenInFile(world.file('none/token'), 'x').cannotReplace ?? '', /can't be written to/);
    if (process.getuid?.() === 0) return;
    chmodSync(world.file('.'), 0o500);
    assert.match(world.source.cannotReplace ?? '', /can't be written to/);
    chmodSync(world.file('.'), 0o700);
  });
});

test('a change is noticed half a second after it, whichever way it was made, and costs nothing until then', async () => {
  using world = inFolder();
  const clock = new FakeClock();
  const seen: string[] = [];
  const stop = world.source.watch(clock, token => seen.push(token));
  assert.deepEqual(clock.pending(), []);
  const changed = async (expected: string[]) => {
    await eventually('the change is noticed', () => clock.pending().length > 0);
    await clock.advance(500);
    assert.deepEqual(seen, expected);
  };
  writeFileSync(world.path, 'lgd_two');
  await changed(['lgd_two']);
  writeFileSync(world.file('new'), 'lgd_three');
  renameSync(world.file('new'), world.path);
  await changed(['lgd_two', 'lgd_three']);
  writeFileSync(world.path, '');
  await changed(['lgd_two', 'lgd_three']);
  stop();
  clock.assertNoTimers();
});

test('a JWT is read from a file as a token is, and is nothing that the agent could replace', () => {
  using world = inFolder();
  const jwt = `eyJhbGciOiJSUzI1NiJ9.${'a'.repeat(2_000)}.c2lnbmF0dXJl`;
  writeFileSync(world.path, jwt);
  assert.equal(world.source.choose(), jwt);
  assert.match(String(world.source.cannotReplace), /its token is a JWT/);
  writeFileSync(world.path, `eyJhbGciOiJSUzI1NiJ9.${'a'.repeat(8_192)}.c2lnbmF0dXJl`);
  assert.equal(world.source.choose(), jwt, 'what is too long is no token');
  writeFileSync(world.path, 'x'.repeat(513));
  assert.equal(world.source.choose(), jwt, 'nor is a long text that is no JWT');
});

test('a projected volume that is changed as Kubernetes does it is noticed, and the new JWT read', async () => {
  using folder = temporaryFolder();
  const put = (name: string, token: string) => {
    mkdirSync(folder.file(name));
    writeFileSync(folder.file(`${name}/token`), token);
    symlinkSync(name, folder.file('..data_tmp'));
    renameSync(folder.file('..data_tmp'), folder.file('..data'));
  };
  put('..one', 'a.b.c');
  symlinkSync('..data/token', folder.file('token'));
  const source = tokenInFile(folder.file('token'), 'a.b.c');
  assert.match(String(source.cannotReplace), /its token is a JWT/);
  const clock = new FakeClock();
  const seen: string[] = [];
  const stop = source.watch(clock, token => seen.push(token));
  put('..two', 'a.b.d');
  await eventually('the change is noticed', () => clock.pending().length > 0);
  await clock.advance(500);
  assert.deepEqual(seen, ['a.b.d']);
  stop();
});
