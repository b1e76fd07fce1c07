// Either side is killed at each step of the replacement of a token, and the delegate gets in afterwards.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSocket } from '../agent/connection.ts';
import { type Program, startProgram } from './harness/program.ts';

const program = (name: string) => fileURLToPath(new URL(`harness/${name}.ts`, import.meta.url));
const agentSteps = ['asked', 'kept', 'proposed', 'known', 'presented', 'accepted', 'replaced'];
const serverSteps = ['asking', 'asked', 'proposed', 'known', 'presented', 'committed'];
const killed = { code: null, signal: 'SIGKILL' };

test('an agent that is killed at any step of the replacement gets in again, and ends what was begun', async () => {
  await using scene = await setScene();
  await scene.serve();
  for (const step of agentSteps) {
    const before = await scene.token();
    const dying = await scene.connectedAgent(step);
    await scene.rotate();
    assert.deepEqual(await dying.ended, killed, step);
    await scene.connectedAgent();
    await scene.assertReplaced(before, `the agent was killed at "${step}"`);
    await scene.stopAgent();
  }
});

test('a control plane that is killed at any step of the replacement lets the same agent in again', async () => {
  await using scene = await setScene();
  let { program: server, port } = await scene.serve();
  for (const step of serverSteps) {
    const before = await scene.token();
    const agent = await scene.connectedAgent();
    await scene.dieAt(step);
    await scene.rotate().catch(() => {});
    assert.deepEqual(await server.ended, killed, step);
    await scene.dieAt('');
    ({ program: server, port } = await scene.serve(port));
    await scene.assertReplaced(before, `the control plane was killed at "${step}"`);
    await scene.stopAgent();
    assert.deepEqual(await agent.ended, { code: 0, signal: null });
  }
});

async function setScene() {
  const folder = await mkdtemp(join(tmpdir(), 'legate-rotation-'));
  const data = join(folder, 'data');
  const own = join(folder, 'own');
  const tokenFile = join(own, 'token');
  const deathFile = join(folder, 'die-at');
  const output: (() => string)[] = [];
  let server: Program | undefined;
  let agent: Program | undefined;
  let url = '';
  let key = '';

  const ask = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { 'x-api-key': key, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  };
  const eventually = async (what: string, isSo: () => Promise<boolean>) => {
    const until = performance.now() + 30_000;
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > until) assert.fail(`not so: ${what}\n${output.map(text => text()).join('\n')}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  const token = async () => (await readFile(tokenFile, 'utf8')).trim();

  return {
    token,
    async serve(port = 0) {
      const started = startProgram({
        args: [program('server-and-die'), `127.0.0.1:${port}`, data, deathFile],
      });
      server = started;
      output.push(() => started.output());
      url = String((await started.said('control plane started')).url);
      if (key === '') {
        key = (await readFile(join(data, 'admin.key'), 'utf8')).trim();
        const made = await ask('POST', '/delegate-tokens', { name: 'edge', tags: ['eu'] });
        await mkdir(own);
        await writeFile(tokenFile, `${String(made.token)}\n`, { mode: 0o600 });
      }
      return { program: started, port: Number(new URL(url).port) };
    },
    async connectedAgent(fatal?: string) {
      const env = {
        LEGATE_URL: url,
        LEGATE_TOKEN_FILE: tokenFile,
        LEGATE_NAME: 'edge',
        LEGATE_TAGS: 'eu',
        LEGATE_HEALTH_LISTEN: 'off',
        LEGATE_WORK_DIR: folder,
        LEGATE_LOG_LEVEL: 'debug',
      };
      const started = startProgram({ args: [program('agent-and-die'), ...(fatal ? [fatal] : [])], env });
      agent = started;
      output.push(() => started.output());
      await started.said('connected to the control plane');
      return started;
    },
    /** Nothing but the newest counts: whoever loses it is locked out. */
    rotate: () => ask('POST', '/delegate-tokens/edge/rotate', { overlapMs: 0, inPlace: true }),
    dieAt: (step: string) => writeFile(deathFile, step),
    async assertReplaced(before: string, when: string) {
      await eventually(`there is a new token, after ${when}`, async () => (await token()) !== before);
      await eventually('nothing is left beside it', async () => (await readdir(own)).join() === 'token');
      assert.equal((await stat(tokenFile)).mode & 0o777, 0o600);
      const made = await token();
      assert.match(made, /^lgd_[A-Za-z0-9_-]{43}$/);
      const code = await closeCodeFor(new URL(url), before);
      assert.equal(code, 4411, `the one before has ended, after ${when}`);
      const store = await readFile(join(data, 'legate.db'));
      const log = await readFile(join(data, 'legate.db-wal')).catch(() => Buffer.alloc(0));
      for (const bytes of [store, log])
        assert.ok(!bytes.includes(made.slice('lgd_'.length)), 'the store holds no token');
      for (const text of output) assert.ok(!text().includes(made.slice('lgd_'.length)), 'no log holds it');
    },
    async stopAgent() {
      await agent?.stop();
    },
    async [Symbol.asyncDispose]() {
      await agent?.stop();
      await server?.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** With which code somebody is turned away who shows this token. */
async function closeCodeFor(address: URL, token: string): Promise<number> {
  const url = new URL(address.href.replace(/^http/, 'ws'));
  const opened = await openSocket({ url, token, signal: new AbortController().signal });
  if ('problem' in opened) return assert.fail(opened.problem);
  return new Promise(resolve => opened.socket.once('close', resolve));
}
