/** Who may fetch what: every role, narrowed or not, and no difference between "not there" and "not yours". */
import assert from 'node:assert/strict';
import test from 'node:test';
import { recipient } from '../test/harness/dispatching.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../test/harness/documents.ts';
import { type PlanWorld, plansOf } from '../test/harness/plans.ts';
import { delivering, someCaller } from '../test/harness/tools.ts';
import { describeError } from './api/errors.ts';
import type { Grant, Role } from './domain/permissions.ts';
import { resolveReference } from './domain/reference.ts';
import type { Scope } from './domain/scope.ts';
import { type Consumer, type FetchRequest, fetchSecret } from './fetch-secret.ts';

const scopes: readonly Scope[] = ['account', 'org/pay', 'org/pay/demo'];
const nameOf = (scope: Scope, name: string) => (scope === 'account' ? `account.${name}` : `${scope}/${name}`);

/** A secret `s` of a connector `conn` in each scope, and a text of the built-in manager. */
const world = (...more: object[]) =>
  plansOf(
    aText('token', 'hunter2'),
    aTemplate(),
    ...scopes.flatMap(scope => [
      aConnector({ scope, templateRef: 'account.tpl' }),
      aSecret({
        scope,
        manager: scope === 'account' ? 'account.conn' : scope === 'org/pay' ? 'org.conn' : 'conn',
      }),
    ]),
    ...more,
  );

/** What a caller gets: the last event, or the whole answer to what is refused. */
async function outcome(
  { tools }: PlanWorld,
  subject: FetchRequest['subject'],
  grants: readonly Grant[],
  consumer?: Consumer,
): Promise<string> {
  const caller = { ...someCaller(), grants };
  const request = { subject, caller, consumer, recipient, logs: false, signal: new AbortController().signal };
  try {
    let last = '';
    for await (const { event } of await fetchSecret(tools, request)) last = event;
    return last;
  } catch (error) {
    const { status, body } = describeError(error);
    return `${status} ${body.message}`;
  }
}
const secret = (reference: string) => ({ secret: resolveReference(reference) });
const connector = (reference: string) => ({ connector: resolveReference(reference) });
const denied = '403 User not authorized: ACCESS_DENIED';
const noSecret = '400 Invalid request: Secret with identifier s does not exist in this scope';

const expected: Readonly<Record<Role, [own: string, test: string]>> = {
  admin: ['succeeded', 'succeeded'],
  editor: [denied, 'succeeded'],
  viewer: [denied, denied],
  fetcher: ['succeeded', 'none'],
};

for (const [role, [fetched, tested]] of Object.entries(expected))
  test(`a grant of ${role} counts in its scope and below, for a fetch and for a connection test`, async () => {
    await using store = await world();
    const known = (['admin', 'editor', 'viewer', 'fetcher'] as const).find(name => name === role);
    assert.ok(known);
    for (const own of scopes)
      for (const scope of scopes) {
        const isCovered = scopes.indexOf(scope) >= scopes.indexOf(own);
        const grants: Grant[] = [{ role: known, scope: own }];
        assert.equal(
          await outcome(store, secret(nameOf(scope, 's')), grants),
          isCovered ? fetched : noSecret,
          `${own} ${scope}`,
        );
        const test = await outcome(store, connector(nameOf(scope, 'conn')), grants);
        if (isCovered && tested !== 'none') assert.equal(test, tested);
        else assert.match(test, /^400 No such secret manager found with identifier conn in /);
      }
  });

test('without a grant, or with one elsewhere, nothing is there', async () => {
  await using store = await world();
  for (const grants of [[], [{ role: 'admin', scope: 'org/other' }] satisfies Grant[]])
    for (const scope of scopes)
      assert.equal(await outcome(store, secret(nameOf(scope, 's')), grants), noSecret);
});

test('what is not yours answers to the letter as what is not there', async () => {
  await using store = await world();
  const grants: Grant[] = [{ role: 'fetcher', scope: 'org/pay/demo' }];
  const answers = async (subject: (name: string) => FetchRequest['subject'], there: string) => {
    const both = [];
    for (const name of [there, 'nothing']) both.push(await outcome(store, subject(name), grants));
    return both.map(text => text.replaceAll(/identifier \w+/g, 'identifier X'));
  };
  for (const prefix of ['account.', 'org/pay/', 'org/pay/demo/'] as const) {
    const [there, nothing] = await answers(name => connector(`${prefix}${name}`), 'conn');
    assert.equal(there, nothing);
  }
  for (const prefix of ['account.', 'org/pay/'] as const) {
    for (const name of ['s', 'token']) {
      const [there, nothing] = await answers(text => secret(`${prefix}${text}`), name);
      assert.equal(there, nothing);
    }
  }
});

test('a fetcher may be narrowed to a secret, to a connector, or to both', async () => {
  await using store = await world(
    aSecret({ identifier: 'other' }),
    aTemplate({ identifier: 'two' }),
    aConnector({ identifier: 'two' }),
    aSecret({ identifier: 'of_two', manager: 'account.two' }),
  );
  const tried = ['account.s', 'account.other', 'account.of_two', 'org/pay/s'];
  const may = async (narrowing: Partial<Grant>) => {
    const grants: Grant[] = [{ role: 'fetcher', scope: 'account', ...narrowing }];
    const able = [];
    for (const reference of tried)
      if ((await outcome(store, secret(reference), grants)) === 'succeeded') able.push(reference);
    return able;
  };
  assert.deepEqual(await may({ secret: 'account.s' }), ['account.s']);
  assert.deepEqual(await may({ connector: 'account.conn' }), ['account.s', 'account.other']);
  assert.deepEqual(await may({ connector: 'account.conn', secret: 'account.of_two' }), []);
  assert.deepEqual(await may({ connector: 'org/pay/conn' }), ['org/pay/s']);
  assert.deepEqual(await may({ secret: 'account.S' }), []);
});

test('a value of the built-in manager is shown to nobody', async () => {
  await using store = await world();
  assert.match(
    await outcome(store, secret('account.token'), [{ role: 'admin', scope: 'account' }]),
    /^400 Invalid request: account\.token is kept in the built-in secret manager/,
  );
  assert.equal(await outcome(store, secret('account.token'), [{ role: 'viewer', scope: 'account' }]), denied);
});

test('what is denied is recorded as denied, what is not there as failed; both with the reference that was asked for', async () => {
  await using store = await world();
  const before = (await store.tools.trail()).length;
  await outcome(store, secret('account.s'), [{ role: 'viewer', scope: 'account' }]);
  await outcome(store, secret('account.s'), []);
  const ends = (await store.tools.trail()).slice(before).filter(({ type }) => type === 'response');
  assert.deepEqual(
    ends.map(({ subject, outcome: end, reason, connector: of }) => [subject, end, reason, of]),
    [
      ['account.s', 'denied', 'ACCESS_DENIED', undefined],
      ['account.s', 'failed', 'INVALID_REQUEST', undefined],
    ],
  );
});

test('a fetcher needs no right to what the script uses: who saved it has answered for that', async () => {
  const scope = 'org/pay/demo';
  await using store = await plansOf(
    aText('token', 'hunter2'),
    aTemplate({ scope, script: 'secret="<+secrets.getValue("account.token")>"' }),
    aConnector({ scope, templateRef: 'tpl' }),
    aSecret({ scope, manager: 'conn' }),
  );
  const grants: Grant[] = [{ role: 'fetcher', scope, secret: `${scope}/s` }];
  assert.equal(await outcome(store, secret(`${scope}/s`), grants), 'succeeded');
});

const application = {
  application: {
    identifier: 'shop',
    name: 'Shop',
    environments: [
      { identifier: 'live', name: 'Live', type: 'Production' },
      { identifier: 'test', name: 'Test', type: 'PreProduction' },
    ],
  },
};
const only = (appId: string | undefined, environment: object) => ({
  appEnvScopes: [{ application: appId ? { appId } : { filterType: 'ALL' }, environment }],
});
const live = { application: 'shop', environment: 'live' };
const testing = { application: 'shop', environment: 'test' };
const admin: Grant[] = [{ role: 'admin', scope: 'account' }];
const notAllowed = ({ application: app, environment }: Consumer) =>
  `403 User not authorized: the usage scope of account.s does not allow application ${app}, environment ${environment}`;
const unsaid =
  '403 User not authorized: account.s has a usage scope; say for which application and environment it is fetched';

/** [what, the connector's scope, the secret's own, who gets it, who does not]. */
const usage: [string, object | undefined, object | undefined, Consumer[], Consumer[]][] = [
  ['one environment', undefined, only('shop', { envId: 'live' }), [live], [testing]],
  [
    'all production',
    undefined,
    only(undefined, { filterType: 'PRODUCTION_ENVIRONMENTS' }),
    [live],
    [testing],
  ],
  [
    'all but production of one application',
    undefined,
    only('shop', { filterType: 'NON_PRODUCTION_ENVIRONMENTS' }),
    [testing],
    [live],
  ],
  [
    "the manager's, where the secret says none",
    only('shop', { envId: 'test' }),
    undefined,
    [testing],
    [live],
  ],
  [
    "its own in place of the manager's",
    only('shop', { envId: 'test' }),
    only('shop', { envId: 'live' }),
    [live],
    [testing],
  ],
];
for (const [what, ofConnector, ofSecret, able, unable] of usage)
  test(`a usage scope is enforced for consumers: ${what}`, async () => {
    await using store = await plansOf(
      application,
      aTemplate(),
      aConnector({ usageScope: ofConnector }),
      aSecret({ usageScope: ofSecret }),
    );
    for (const consumer of able)
      assert.equal(await outcome(store, secret('account.s'), admin, consumer), 'succeeded');
    for (const consumer of unable)
      assert.equal(await outcome(store, secret('account.s'), admin, consumer), notAllowed(consumer));
    assert.equal(await outcome(store, secret('account.s'), admin), unsaid);
    const viewer: Grant[] = [{ role: 'viewer', scope: 'account' }];
    assert.equal(await outcome(store, secret('account.s'), viewer), denied);
    assert.equal(await outcome(store, secret('account.s'), []), noSecret);
  });

test('what has no usage scope is there for every consumer that is known, and without one', async () => {
  await using store = await world(application);
  for (const consumer of [live, testing, undefined])
    assert.equal(await outcome(store, secret('account.s'), admin, consumer), 'succeeded');
  assert.equal(
    await outcome(store, secret('account.s'), admin, { application: 'x', environment: 'live' }),
    '400 Invalid request: No application exists with the id x',
  );
  assert.equal(
    await outcome(store, secret('account.s'), admin, { application: 'shop', environment: 'x' }),
    '400 Invalid request: No env exists with id x in application with id shop',
  );
});

test('a fetch uses what is saved now: an input that changed counts at once', async () => {
  await using store = await plansOf(
    aTemplate({ inputs: [variable('a', '<+input>')] }),
    aConnector(),
    aSecret({ inputs: [variable('a', '1')] }),
  );
  const seen: (string | undefined)[] = [];
  store.tools.play = request => {
    seen.push(request.plan.inputs[0]?.value);
    return delivering('x')(request);
  };
  await outcome(store, secret('account.s'), admin);
  await store.tools.apply(yamlOf(aSecret({ inputs: [variable('a', '2')] })));
  await outcome(store, secret('account.s'), admin);
  assert.deepEqual(seen, ['1', '2']);
});

test('whoever may change a secret may try whether it leads to a value, whoever may only fetch or see it may not', async () => {
  await using store = await world();
  const tried = { testedSecret: resolveReference('account.s') };
  const as = (role: Role) => outcome(store, tried, [{ role, scope: 'account' }]);
  assert.equal(await as('editor'), 'succeeded');
  assert.equal(await as('viewer'), denied);
  assert.equal(await as('fetcher'), noSecret);
  assert.equal(await outcome(store, tried, []), noSecret);
  const unknown = { testedSecret: resolveReference('account.unknown') };
  assert.match(await outcome(store, unknown, admin), /Secret with identifier unknown does not exist/);
});
