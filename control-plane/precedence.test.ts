/** The contract's §8, from documents to plans: secret > connector default > template default. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  aConnector,
  aSecret,
  aTemplate,
  aText,
  type Variable,
  variable,
  yamlOf,
} from '../test/harness/documents.ts';
import { plansOf } from '../test/harness/plans.ts';
import { refusalOf } from '../test/harness/tools.ts';
import type { FirstGenManagerDocument, FirstGenSecretDocument } from './documents/first-gen.ts';
import { sameReference } from './domain/reference.ts';
import { insertConnector } from './store/connectors.ts';
import { insertSecret } from './store/secrets.ts';
import { findTemplate } from './store/templates.ts';

const byDefault = { useAsDefault: true };
const missing = (asker: string, names: string) =>
  `Invalid request: RunTime Inputs are not provided for the ${asker}, Missing environment variables are: ${names}`;

/** [what, template, connector, secret, the value, who gave it]. */
const ranks: [string, string, Variable[], Variable[], string, string][] = [
  [
    'the secret wins over everybody',
    '<+input>.default(t)',
    [variable('a', 'c', byDefault)],
    [variable('a', 's')],
    's',
    'secret',
  ],
  [
    'an empty value of the secret is a value',
    '<+input>.default(t)',
    [variable('a', 'c', byDefault)],
    [variable('a', '')],
    '',
    'secret',
  ],
  [
    "the connector's default comes second",
    '<+input>.default(t)',
    [variable('a', 'c', byDefault)],
    [],
    'c',
    'connector',
  ],
  ['an empty default is a value', '<+input>.default(t)', [variable('a', '', byDefault)], [], '', 'connector'],
  ["the template's default comes last", '<+input>.default(t)', [], [], 't', 'template default'],
  [
    'a connector that leaves it open does not hide the default',
    '<+input>.default(t)',
    [variable('a', '<+input>', byDefault)],
    [],
    't',
    'template default',
  ],
  [
    'a secret that leaves it open does not hide the default of the connector',
    '<+input>',
    [variable('a', 'c', byDefault)],
    [variable('a', '<+input>')],
    'c',
    'connector',
  ],
  [
    'a value for the test never reaches a secret',
    '<+input>.default(t)',
    [variable('a', 'test')],
    [],
    't',
    'template default',
  ],
  ['a fixed value is a constant', 'fixed', [variable('a', 'fixed', byDefault)], [], 'fixed', 'template'],
];
for (const [what, template, connector, secret, value, source] of ranks)
  test(what, async () => {
    const inputs = secret.length > 0 ? { inputs: secret } : { value: '' };
    await using world = await plansOf(
      aTemplate({ inputs: [variable('a', template)] }),
      aConnector({ inputs: connector }),
      aSecret(inputs),
    );
    assert.deepEqual(
      (await world.values()).map(found => [found.value, found.source]),
      [[value, source]],
    );
    assert.equal(await world.value(), value);
  });

test('a connection test takes defaults and test values alike', async () => {
  await using world = await plansOf(
    aTemplate({
      inputs: [variable('a', '<+input>.default(t)'), variable('b', '<+input>'), variable('c', 'f')],
    }),
    aConnector({ inputs: [variable('a', 'test'), variable('b', 'c', byDefault)] }),
  );
  assert.deepEqual(
    (await world.testPlan()).inputs.map(({ value }) => value),
    ['test', 'c', 'f'],
  );
});

test('what nobody gives is missing, by name', async () => {
  await using world = await plansOf(
    aTemplate({ inputs: [variable('a', '<+input>'), variable('b', '<+input>')] }),
    aConnector({ inputs: [variable('a', 'c', byDefault), variable('b', 'c', byDefault)] }),
    aSecret({ value: '' }),
  );
  assert.equal(await world.value(), 'c');
  await world.tools.apply(yamlOf(aConnector({ inputs: [variable('a', 'c'), variable('b', '<+input>')] })));
  assert.equal((await refusalOf(world.plan())).message, missing('Secret', 'a, b'));
  assert.equal((await refusalOf(world.testPlan())).message, missing('Connector', 'b'));
});

test('the lists are merged apart from each other', async () => {
  const script =
    'secret="<+spec.environmentVariables.a>-<+spec.inputVariables.a>-<+secretManager.inputVariables.b>"';
  const inputVariables = [variable('a', '<+input>'), variable('b', '<+input>.default(t)')];
  const given = { environmentVariables: [variable('a', '1')], inputVariables: [variable('a', '2')] };
  await using world = await plansOf(
    aTemplate({ inputs: [variable('a', '<+input>')], inputVariables, script }),
    aConnector(),
    aSecret({ value: JSON.stringify(given) }),
  );
  assert.deepEqual(
    (await world.plan()).inputs.map(({ value }) => value),
    ['1', '2', 't'],
  );
});

test("the order is the template's, then what only others know", async () => {
  await using world = await plansOf(
    aTemplate({ inputs: [variable('z', '<+input>'), variable('a', '<+input>')] }),
    aConnector({ inputs: [variable('more', 'x', byDefault), variable('a', 'c', byDefault)] }),
    aSecret({ inputs: [variable('z', 's')] }),
  );
  assert.deepEqual(
    (await world.values()).map(({ label }) => label),
    ['z', 'a', 'more'],
  );
});

test('a manager of FirstGen takes nothing from its template but the names, and its parameters as they are', async () => {
  await using world = await plansOf(
    aText('token', 'hunter2'),
    aTemplate({
      inputs: [variable('a', '<+input>.default(t).allowedValues(t,u)'), variable('b', 'fixed')],
      script: 'secret="${a}-${b}"',
      expressionSyntax: 'FirstGen',
    }),
  );
  const at = { scope: 'account', generation: 'FirstGen' } as const;
  const template = { scope: 'account', identifier: 'tpl', versionLabel: '1' } as const;
  const stored = await findTemplate(world.database, template);
  assert.ok(stored && sameReference(stored, template));
  const literal = '<+secrets.getValue("account.token")>';
  const manager: FirstGenManagerDocument = {
    name: 'm',
    templateId: stored.uuid,
    delegateSelectors: [],
    testVariables: [
      { name: 'a', value: 'test' },
      { name: 'b', value: literal },
    ],
    executeOnDelegate: true,
    isConnectorTemplatized: false,
    commandPath: '/tmp',
    usageScope: {},
  };
  await insertConnector(
    world.database,
    {
      ...at,
      identifier: 'm',
      uuid: 'm',
      name: 'm',
      template,
      contentDigest: stored.contentDigest,
      document: manager,
    },
    '',
  );
  const secretOf = (parameters: { name: string; value: string }[]): FirstGenSecretDocument => ({
    name: 's',
    parameters,
    scopedToAccount: true,
    inheritScopesFromSM: false,
    usageScope: {},
  });
  const save = async (identifier: string, parameters: { name: string; value: string }[]) =>
    insertSecret(
      world.database,
      {
        ...at,
        identifier,
        uuid: identifier,
        type: 'SecretText',
        name: identifier,
        connector: { scope: 'account', identifier: 'm' },
        document: secretOf(parameters),
      },
      '',
    );
  await save('full', [
    { name: 'a', value: literal },
    { name: 'b', value: 'own' },
  ]);
  await save('short', [{ name: 'a', value: 'x' }]);
  const plan = await world.plan('account.full');
  assert.deepEqual(
    plan.inputs.map(({ value, secret }) => [value, secret]),
    [
      [literal, false],
      ['own', false],
    ],
  );
  assert.deepEqual([plan.timeoutMs, plan.workingDirectory], [60_000, undefined]);
  assert.equal((await refusalOf(world.plan('account.short'))).message, missing('Secret', 'b'));
  assert.deepEqual(
    (await world.testPlan('account.m')).inputs.map(({ value }) => value),
    ['test', literal],
  );
});
