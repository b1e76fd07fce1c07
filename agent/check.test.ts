import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Peer, startScriptedControlPlane } from '../test/harness/scripted-control-plane.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { checkAgent } from './check.ts';
import { readSettings } from './settings.ts';

/** Checks an agent against a control plane that answers its hello like this. */
async function check(answer: (peer: Peer) => void, env: Record<string, string> = {}) {
  await using server = await startScriptedControlPlane();
  using folder = temporaryFolder();
  const configured = readSettings(
    {},
    {
      LEGATE_URL: server.url.href,
      LEGATE_TOKEN: 'the-token',
      LEGATE_NAME: 'edge',
      LEGATE_TAGS: 'a,b',
      LEGATE_WORK_DIR: folder.path,
      ...env,
    },
  );
  const lines: string[] = [];
  const played = server.connection().then(
    async peer => {
      const hello = await peer.next('hello');
      answer(peer);
      return { hello, closed: await peer.closed };
    },
    () => undefined,
  );
  const code = await checkAgent(configured, line => lines.push(line));
  assert.deepEqual(readdirSync(folder.path), [], 'it leaves no folder');
  assert.ok(!lines.join('').includes('the-token'));
  const last = lines.at(-1) ?? '';
  return { code, lines, last, played, host: server.url.host };
}

const welcome = { type: 'welcome', serverVersion: '1.2.3', heartbeatMs: 10_000 };

test('an agent that could start and would be let in is told so line by line, and takes no tasks', async () => {
  const { code, lines, played, host } = await check(peer => peer.say(welcome));
  assert.equal(code, 0);
  assert.match(lines[0] ?? '', /^ok {4}settings: delegate "edge", tags: a, b$/);
  assert.match(lines[1] ?? '', /^ok {4}shell: bash 5\.\d[^,]*, working directories in \//);
  assert.equal(lines[2], `ok    control plane: ${host} (version 1.2.3) lets this delegate in`);
  const { hello } = (await played) ?? {};
  assert.equal(hello?.check, true);
  assert.equal(hello?.name, 'edge');
});

describe('a control plane that does not let it in', () => {
  for (const [code, exitCode, explanation] of [
    [4401, 3, /token/],
    [4403, 4, /name/],
    [4406, 5, /protocol version/],
    [1001, 1, /it closed the connection \(code 1001\)/],
    [4408, 1, /\(code 4408\)/],
  ] as const)
    test(`by closing with ${code} gives exit code ${exitCode}`, async () => {
      const result = await check(peer => peer.socket.close(code));
      assert.equal(result.code, exitCode);
      assert.match(result.last, /^FAIL {2}control plane: /);
      assert.match(result.last, explanation);
    });

  const answers: [what: string, frame: string | object][] = [
    ['that is no JSON', '{"'],
    ['that breaks the schema', { type: 'welcome' }],
    ['of an unknown type', { type: 'bonjour' }],
    ['other than a welcome', { type: 'drain' }],
  ];
  for (const [what, frame] of answers)
    test(`by an answer ${what} gives exit code 1`, async () => {
      const result = await check(peer => peer.say(frame));
      assert.equal(result.code, 1);
      assert.match(result.last, /^FAIL {2}control plane: it closed the connection \(code 4400\)$/);
    });
});

test('a control plane that is not there is named, with why', async () => {
  const result = await check(() => {}, { LEGATE_URL: 'ws://127.0.0.1:1' });
  assert.equal(result.code, 1);
  assert.equal(
    result.last,
    'FAIL  control plane: cannot connect to 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
  );
});

test('no bash is a failure before anybody is asked', async () => {
  const result = await check(() => assert.fail('it connected'), { PATH: '/nonexistent' });
  assert.equal(result.code, 1);
  assert.equal(result.last, "FAIL  shell: there is no bash on the delegate's PATH");
});
