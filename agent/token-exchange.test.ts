import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { TokenReport } from '../protocol/index.ts';
import { memoryLogger } from '../test/harness/memory-logger.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { type TokenStep, tokenExchange } from './token-exchange.ts';
import { digestOf, givenToken, type TokenSource, tokenInFile } from './token-source.ts';

/** An exchange over a real file; what it says is looked at by the test. */
function open(make?: (path: string, folder: string) => TokenSource) {
  const folder = temporaryFolder();
  const path = folder.file('token');
  writeFileSync(path, 'lgd_one\n');
  const source = make?.(path, folder.path) ?? tokenInFile(path, 'lgd_one');
  const said: TokenReport[] = [];
  const steps: TokenStep[] = [];
  const log = memoryLogger();
  const exchange = tokenExchange({
    source,
    send: report => said.push(report),
    logger: log.logger,
    onStep: step => steps.push(step),
  });
  return {
    exchange,
    source,
    said,
    steps,
    log,
    path,
    held: () => readFileSync(path, 'utf8').trim(),
    names: () => readdirSync(folder.path).sort(),
    next: () => readFileSync(`${path}.next`, 'utf8').split('\n')[0] ?? '',
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

test('a new token is on the disk before anything is said of it, and in its place only when it was accepted', () => {
  using world = open();
  world.exchange.receive({ type: 'rotate-token' });
  const made = world.next();
  const digest = digestOf(made);
  assert.deepEqual(world.said, [{ type: 'token-proposed', digest }]);
  assert.equal(world.held(), 'lgd_one');
  world.exchange.receive({ type: 'token-known', digest });
  assert.deepEqual(world.said.at(-1), { type: 'token-presented', token: made });
  assert.equal(world.held(), 'lgd_one');
  world.exchange.receive({ type: 'token-accepted', digest });
  assert.equal(world.held(), made);
  assert.deepEqual(world.names(), ['token']);
  const steps = ['asked', 'kept', 'proposed', 'known', 'presented', 'accepted', 'replaced'];
  assert.deepEqual(world.steps, steps);
  assert.ok(!world.log.text().includes(made.slice(4)));
});

test('being asked twice proposes the same token twice', () => {
  using world = open();
  world.exchange.receive({ type: 'rotate-token' });
  world.exchange.receive({ type: 'rotate-token' });
  assert.deepEqual(world.said[0], world.said[1]);
});

test('a refusal throws the new one away, and the next question makes another', () => {
  using world = open();
  world.exchange.receive({ type: 'rotate-token' });
  const made = world.next();
  world.exchange.receive({ type: 'token-refused', digest: digestOf(made), reason: 'no' });
  assert.deepEqual(world.names(), ['token']);
  world.exchange.receive({ type: 'rotate-token' });
  assert.notEqual(world.next(), made);
});

test('answers about a token that it does not know change nothing', () => {
  using world = open();
  world.exchange.receive({ type: 'rotate-token' });
  const digest = digestOf('lgd_unknown');
  world.exchange.receive({ type: 'token-known', digest });
  world.exchange.receive({ type: 'token-accepted', digest });
  world.exchange.receive({ type: 'token-refused', digest, reason: 'no' });
  assert.equal(world.said.length, 1);
  assert.equal(world.held(), 'lgd_one');
  assert.deepEqual(world.names(), ['token', 'token.next']);
});

test('what cannot be replaced is declined in words', () => {
  using given = open(() => givenToken('lgd_one'));
  given.exchange.receive({ type: 'rotate-token' });
  assert.match(JSON.stringify(given.said), /"token-declined","reason":"its token is in the environment/);
  using linked = open((path, folder) => {
    symlinkSync(path, `${folder}/link`);
    return tokenInFile(`${folder}/link`, 'lgd_one');
  });
  linked.exchange.receive({ type: 'rotate-token' });
  assert.match(JSON.stringify(linked.said), /"token-declined","reason":"its token file is a link/);
});

test('a disk that does not take the new token is told, and the one before stays', () => {
  using world = open(path => {
    const source = tokenInFile(path, 'lgd_one');
    return {
      ...source,
      current: 'lgd_one',
      cannotReplace: undefined,
      prepare() {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    };
  });
  world.exchange.receive({ type: 'rotate-token' });
  const reason = 'a new token cannot be kept beside its token file (ENOSPC)';
  assert.deepEqual(world.said, [{ type: 'token-declined', reason }]);
  assert.equal(world.held(), 'lgd_one');
});

test('a token that somebody has put in the file is shown once, and one of our own is not', () => {
  using world = open();
  world.exchange.present('lgd_one');
  assert.deepEqual(world.said, []);
  writeFileSync(world.path, 'lgd_two');
  world.exchange.present('lgd_two');
  assert.deepEqual(world.said, [{ type: 'token-presented', token: 'lgd_two' }]);
  world.exchange.receive({ type: 'token-accepted', digest: digestOf('lgd_two') });
  assert.equal(world.source.current, 'lgd_two');
  world.exchange.present('lgd_two');
  assert.equal(world.said.length, 1);
  assert.equal(world.held(), 'lgd_two');
});

test('a JWT that was renewed in the file is shown with a message that older control planes ignore', () => {
  using world = open();
  writeFileSync(world.path, 'a.b.c');
  world.exchange.present('a.b.c');
  assert.deepEqual(world.said, [{ type: 'jwt-presented', token: 'a.b.c' }]);
  world.exchange.receive({ type: 'token-accepted', digest: digestOf('a.b.c') });
  assert.equal(world.source.current, 'a.b.c');
  world.exchange.receive({ type: 'rotate-token' });
  assert.match(JSON.stringify(world.said.at(-1)), /"token-declined","reason":"its token is a JWT/);
});
