import assert from 'node:assert/strict';
import test from 'node:test';
import { generateSealingKeys, openCredential, openInput, type TaskInput } from '../../protocol/index.ts';
import { accepted, dispatching, lost, succeeded, value } from '../../test/harness/dispatching.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';
import type { PlannedTarget } from '../domain/entities.ts';

const inputs = [
  { label: 'path', value: 'demo/db', secret: false },
  { label: 'token', value: 'hunter2', secret: true },
];
const hop = { host: 'db.example', port: 22, user: 'deploy', hostKeys: [] };
const target: PlannedTarget = {
  ...hop,
  credential: { kind: 'open', opened: { kind: 'password', password: 'opensesame' }, id: 'login' },
  legacyAlgorithms: false,
  jumps: [
    { ...hop, host: 'bastion', credential: { kind: 'delegate', name: 'bastion' } },
    {
      ...hop,
      host: 'inner',
      credential: { kind: 'open', opened: { kind: 'keyPath', path: '/k' }, id: 'inner' },
    },
  ],
};

const dataOf = (input: TaskInput | undefined) => (input?.kind === 'sealed' ? input.data : assert.fail());

test('what is secret is sealed to the delegate that runs the attempt, and to no other', async () => {
  const [first, second] = [await generateSealingKeys(), await generateSealingKeys()];
  const links = [
    new FakeLink({ name: 'a', publicKey: first.publicKey }),
    new FakeLink({ name: 'b', publicKey: second.publicKey }),
  ];
  const { fetch, lose } = dispatching(links);
  const fetching = fetch({ inputs });
  const [a, b] = links;
  assert.ok(a && b);
  const one = await a.started();
  const sent = await one.sealing;
  assert.deepEqual(sent?.inputs[0], { kind: 'plain', data: 'demo/db' });
  const data = dataOf(sent?.inputs[1]);
  assert.equal(await openInput(data, first, one.task, 1), 'hunter2');
  await assert.rejects(openInput(data, second, one.task, 1), { name: 'SealError' });
  assert.ok(!JSON.stringify([one.task, sent]).includes('hunter2'));
  lose(a);
  const two = await b.started();
  assert.equal(await openInput(dataOf((await two.sealing)?.inputs[1]), second, two.task, 1), 'hunter2');
  two.say(accepted, value, succeeded);
  await fetching.ended;
});

test('without anything secret nothing has to be sealed', async () => {
  const link = new FakeLink();
  const { fetch } = dispatching([link]);
  const fetching = fetch();
  const attempt = await link.started();
  assert.equal(attempt.sealing, undefined);
  assert.deepEqual(attempt.task.inputs, [{ kind: 'plain', data: 'demo/db' }]);
  attempt.say(accepted, value, succeeded);
  await fetching.ended;
});

test("a target's credentials are sealed each in its place, and one that only the delegate holds is named", async () => {
  const keys = await generateSealingKeys();
  const link = new FakeLink({ publicKey: keys.publicKey });
  const { fetch } = dispatching([link]);
  const fetching = fetch({ target });
  const attempt = await link.started();
  const sent = (await attempt.sealing)?.target;
  assert.ok(sent?.credential.kind === 'sealed');
  const { data, id } = sent.credential;
  assert.equal(id, 'login');
  assert.deepEqual(await openCredential(data, keys, attempt.task, 0), {
    kind: 'password',
    password: 'opensesame',
  });
  await assert.rejects(openCredential(data, keys, attempt.task, 1), { name: 'SealError' });
  assert.deepEqual(sent.jumps[0]?.credential, { kind: 'delegate', name: 'bastion' });
  const inner = sent.jumps[1]?.credential;
  assert.ok(inner?.kind === 'sealed');
  assert.deepEqual(await openCredential(inner.data, keys, attempt.task, 2), { kind: 'keyPath', path: '/k' });
  assert.deepEqual([sent.host, sent.port, sent.user, sent.hostKeys], ['db.example', 22, 'deploy', []]);
  assert.ok(!JSON.stringify([attempt.task, sent]).includes('opensesame'));
  attempt.say(lost);
  fetching.ended.catch(() => {});
});
