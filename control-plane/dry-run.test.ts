import assert from 'node:assert/strict';
import test from 'node:test';
import { recipient } from '../test/harness/dispatching.ts';
import { aTemplate, aText, variable } from '../test/harness/documents.ts';
import { plansOf } from '../test/harness/plans.ts';
import { delivering, refusalOf, someCaller } from '../test/harness/tools.ts';
import type { Plan } from './domain/entities.ts';
import type { Grant } from './domain/permissions.ts';
import type { DryRun } from './dry-run.ts';
import { fetchSecret } from './fetch-secret.ts';

const script =
  'secret="<+secrets.getValue("account.token")>-<+spec.environmentVariables.a>-<+spec.environmentVariables.fixed>"';

async function world() {
  const store = await plansOf(
    aText('token', 'hunter2'),
    aTemplate({
      script,
      inputs: [
        variable('a', '<+input>.allowedValues(x,y)'),
        variable('b', '<+input>.default(d)'),
        variable('fixed', 'f'),
      ],
    }),
  );
  const plans: Plan[] = [];
  store.tools.play = request => {
    plans.push(request.plan);
    return delivering('value')(request);
  };
  const run = async (asked: Partial<DryRun>, ...grants: Grant[]) => {
    const dryRun = {
      template: { scope: 'account', identifier: 'tpl' } as const,
      inputs: { a: 'x' },
      selectors: ['eu'],
      timeoutSeconds: 7,
      ...asked,
    };
    const caller = someCaller(...grants);
    const { signal } = new AbortController();
    const events = await fetchSecret(store.tools, {
      subject: { dryRun },
      caller,
      recipient,
      logs: true,
      signal,
    });
    const kinds: string[] = [];
    for await (const { event } of events) kinds.push(event);
    return kinds;
  };
  return { store, plans, run, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

test('a template version runs with inputs that are given, its own defaults, and the secrets that it names', async () => {
  await using tried = await world();
  assert.equal((await tried.run({})).at(-1), 'succeeded');
  const [plan] = tried.plans;
  assert.deepEqual(
    plan?.inputs.map(({ value }) => value),
    ['hunter2', 'x', 'f'],
  );
  assert.deepEqual([plan?.selectors, plan?.timeoutMs, plan?.owner], [['eu'], 7_000, 'account']);
});

test('an input that the template does not leave open, or does not allow, is refused by name', async () => {
  await using tried = await world();
  for (const name of ['fixed', 'unknown'])
    assert.equal(
      (await refusalOf(tried.run({ inputs: { a: 'x', [name]: 'v' } }))).message,
      `Invalid request: inputs: "${name}" is not one that the template leaves open`,
    );
  assert.match((await refusalOf(tried.run({ inputs: { a: 'z' } }))).message, /not in allowed values list/);
  assert.match((await refusalOf(tried.run({ inputs: {} }))).message, /Missing environment variables are: a/);
});

test('it takes the right to change the template, and to use what its script names', async () => {
  await using tried = await world();
  const at = (role: Grant['role'], scope: Grant['scope'] = 'account'): Grant => ({ role, scope });
  assert.equal((await tried.run({}, at('editor'))).at(-1), 'succeeded');
  assert.equal((await refusalOf(tried.run({}, at('viewer')))).code, 'ACCESS_DENIED');
  const missing = { template: { scope: 'account', identifier: 'none' } as const };
  for (const grant of [at('fetcher'), at('editor', 'org/x')]) {
    assert.equal(
      (await refusalOf(tried.run({}, grant))).message,
      'Resource not found: there is no template account.tpl',
    );
    assert.match((await refusalOf(tried.run(missing, grant))).message, /there is no template account\.none/);
  }
  assert.equal(tried.plans.length, 1);
});
