// Delegates that stop taking tasks: told by a signal, or by an operator.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { appears, ends, startWorld, type World } from './harness/world.ts';

/** A script that says where it runs, and delivers when there is a file `go`. */
const waiting = ({ folder }: World) =>
  `echo $$ >'${folder}/pid.part'; mv '${folder}/pid.part' '${folder}/pid'; ` +
  `while [ ! -e '${folder}/go' ]; do sleep 0.05; done; secret=v`;

test('with LEGATE_DRAIN=cancel SIGTERM ends what runs, another delegate does it, and the exit code is 0', async () => {
  await using world = await startWorld();
  const { secret } = await world.script(waiting(world));
  const first = await world.connectedAgent({ name: 'first', env: { LEGATE_DRAIN: 'cancel' } });
  const fetching = world.legate(['secret', 'get', secret, '--json']);
  await appears(join(world.folder, 'pid'));
  const pid = Number(await readFile(join(world.folder, 'pid'), 'utf8'));
  await world.connectedAgent({ name: 'second' });
  first.signal('SIGTERM');
  await first.said('task failed', { reason: 'rejected-by-delegate' });
  await ends(pid);
  await writeFile(join(world.folder, 'go'), '');
  const { value, attempt, delegate } = JSON.parse((await fetching).out.toString());
  assert.deepEqual({ value, attempt, delegate }, { value: 'v', attempt: 2, delegate: 'second' });
  assert.deepEqual(await first.ended, { code: 0, signal: null });
});

test('what runs out of the drain timeout is finished by the successor that connects meanwhile', async () => {
  await using world = await startWorld();
  const { secret } = await world.script(waiting(world));
  const old = await world.connectedAgent({ name: 'edge', args: ['--drain-timeout', '1'] });
  const fetching = world.legate(['secret', 'get', secret, '--json']);
  await appears(join(world.folder, 'pid'));
  old.signal('SIGTERM');
  assert.deepEqual(await old.ended, { code: 1, signal: null });
  await writeFile(join(world.folder, 'go'), '');
  await world.connectedAgent({ name: 'edge' });
  const fetched = await fetching;
  assert.equal(fetched.code, 0, fetched.err);
  assert.equal(JSON.parse(fetched.out.toString()).attempt, 2);
});

test('a task that is still logging in to its host is given back at once, and what runs is finished', async () => {
  await using world = await startWorld();
  await using host = await silentHost();
  const { secret } = await world.script(waiting(world));
  const first = await world.connectedAgent({ name: 'first' });
  await world.apply(onHost(host.port));
  const running = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'pid'));
  const enough = new AbortController();
  const logging = world.legate(['secret', 'get', 'account.far'], { signal: enough.signal });
  await host.connected(1);
  const second = await world.connectedAgent({ name: 'second' });
  first.signal('SIGTERM');
  await first.said('task failed', { reason: 'rejected-by-delegate' });
  // The other delegate logs in in its turn.
  await host.connected(2);
  await second.said('task started', { attempt: 2 });
  await writeFile(join(world.folder, 'go'), '');
  assert.equal((await running).out.toString(), 'v');
  assert.deepEqual(await first.ended, { code: 0, signal: null });
  enough.abort();
  assert.equal((await logging).code, 130);
});

test('an operator drains a name: what runs is finished, nothing else begins, on no instance and after no restart', async () => {
  await using world = await startWorld();
  const { secret } = await world.script(waiting(world));
  const other = await world.script('secret=other');
  const agent = await world.connectedAgent({ name: 'edge' });
  const running = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'pid'));
  const drained = await world.legate(['delegate', 'drain', 'edge']);
  assert.deepEqual([drained.code, drained.err], [0, 'edge gets no more tasks; 1 running.\n']);
  const refused = async () => {
    const { code, err } = await world.legate(['secret', 'get', other.secret]);
    assert.equal(code, 1);
    assert.match(err, /^no-eligible-delegate: /);
    assert.match(err, /^ {2}edge \(\S+\): it was drained by an operator at \S+, and takes no tasks/m);
  };
  await refused();
  const shown = await world.legate(['delegate', 'show', 'edge']);
  assert.match(shown.out.toString(), /^STATE +draining, drained by an operator at \d{4}-\S+$/m);
  assert.match(shown.out.toString(), /^LOAD +1 of 50$/m);

  const patient = world.legate(['delegate', 'drain', 'edge', '--wait', '60s']);
  await writeFile(join(world.folder, 'go'), '');
  assert.equal((await running).out.toString(), 'v');
  assert.deepEqual([(await patient).code, (await patient).err], [0, 'edge gets no more tasks; 0 running.\n']);

  // The delegate knows nothing of it: an agent of any version can be drained, and undrained.
  assert.ok(!agent.lines().some(({ msg }) => /drain/.test(String(msg))));
  await world.connectedAgent({ name: 'edge' });
  await refused();
  await world.restartServer('SIGKILL');
  await world.server.said('delegate connected');
  await refused();

  const waits = world.legate(['secret', 'get', other.secret, '--wait', '60s']);
  const undrained = await world.legate(['delegate', 'undrain', 'edge']);
  assert.match(undrained.err, /^edge gets tasks again; \d instances? connected\.$/m);
  assert.equal((await waits).out.toString(), 'other');
  const listed = await world.legate(['get', 'delegates', '-o', 'json']);
  for (const { state } of JSON.parse(listed.out.toString())) assert.equal(state, 'connected');
  const { err } = await world.legate(['delegate', 'drain', 'nobody']);
  assert.match(err, /there is no delegate named "nobody"/);
});

/** Accepts connections and says nothing, as a host that is stuck. */
async function silentHost() {
  const sockets: Socket[] = [];
  const server = createServer(socket => {
    socket.on('error', () => {});
    sockets.push(socket);
    server.emit('counted');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async connected(count: number) {
      while (sockets.length < count) await once(server, 'counted', { signal: AbortSignal.timeout(60_000) });
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A secret that a script on a host would read. */
function onHost(port: number): string {
  const builtIn = { secretManagerIdentifier: 'harnessSecretManager', valueType: 'Inline', value: 'p' };
  const named = (identifier: string) => ({ name: identifier, identifier });
  const login = { userName: 'me', password: 'account.far_password' };
  const auth = { type: 'SSH', spec: { credentialType: 'Password', spec: login } };
  const source = { type: 'Inline', spec: { script: 'secret=v' } };
  const documents = [
    { secret: { ...named('far_password'), type: 'SecretText', spec: builtIn } },
    { secret: { ...named('far_key'), type: 'SSHKey', spec: { port, auth } } },
    {
      template: {
        ...named('far'),
        versionLabel: '1',
        type: 'SecretManager',
        spec: { shell: 'Bash', onDelegate: false, source, environmentVariables: [] },
      },
    },
    {
      connector: {
        ...named('far'),
        type: 'CustomSecretManager',
        spec: {
          onDelegate: false,
          host: '127.0.0.1',
          connectorRef: 'account.far_key',
          workingDirectory: '/tmp',
          timeout: 60,
          delegateSelectors: [],
          template: { templateRef: 'account.far', versionLabel: '1' },
        },
      },
    },
    {
      secret: {
        ...named('far'),
        type: 'SecretText',
        spec: {
          secretManagerIdentifier: 'account.far',
          valueType: 'CustomSecretManagerValues',
          value: '',
        },
      },
    },
  ];
  return documents.map(document => JSON.stringify(document)).join('\n---\n');
}
