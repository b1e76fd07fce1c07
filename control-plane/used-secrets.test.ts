/** The contract's §9: expressions from documents to plans, with the secrets that scripts and inputs use. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../test/harness/documents.ts';
import { plansOf } from '../test/harness/plans.ts';
import { delivering, failing, refusalOf } from '../test/harness/tools.ts';
import type { Scope } from './domain/scope.ts';

const value = (reference: string) => `<+secrets.getValue("${reference}")>`;
const input = (name: string) => `<+spec.environmentVariables.${name}>`;
const open = (...names: string[]) => names.map(name => variable(name, '<+input>'));
const pem = '-----BEGIN KEY-----\n  "quoted" $HOME `id`\n\n\'x\' \\ é\n-----END KEY-----\n';
const pemFile = (identifier: string, content: string) => ({
  secret: { identifier, name: identifier, type: 'SecretFile', spec: { content } },
});

/** A template whose script is one expression, a connector, and a secret that gives these. */
const one = (expression: string, ...given: [name: string, value: string][]) => [
  aText('token', 'hunter2'),
  aText('name_of_it', 'account.token'),
  aTemplate({
    inputs: open(...given.map(([name]) => name)),
    script: `secret="${expression}"`,
    made_up: { port: '8200' },
  }),
  aConnector(),
  aSecret({ inputs: given.map(([name, text]) => variable(name, text)) }),
];

/** [what, script, the secret's inputs, the value, whether it is secret]. */
const forms: [string, string, [string, string][], string, boolean][] = [
  ['the documented form', '<+secretManager.environmentVariables.a>', [['a', 'x']], 'x', false],
  ['the short form', '<+spec.environmentVariables.a>', [['a', 'x']], 'x', false],
  ['the full path', '<+connector.spec.environmentVariables.a>', [['a', 'x']], 'x', false],
  ['blanks inside', '<+ spec.environmentVariables.a >', [['a', 'x']], 'x', false],
  ['another field', '<+spec.source.type>', [], 'Inline', false],
  ["a field of one's own", '<+spec.made_up.port>', [], '8200', false],
  ['a secret', value('account.token'), [], 'hunter2', true],
  ['a nested argument', `<+secrets.getValue(${input('a')})>`, [['a', 'account.token']], 'hunter2', true],
  [
    'a concatenated argument',
    `<+secrets.getValue("account." + ${input('a')})>`,
    [['a', 'token']],
    'hunter2',
    true,
  ],
  [
    'an expression inside quotes of an argument',
    `<+secrets.getValue("account.${input('a')}")>`,
    [['a', 'token']],
    'hunter2',
    true,
  ],
  ['an input whose value is an expression', input('a'), [['a', value('account.token')]], 'hunter2', true],
  [
    'an input that holds a secret among others',
    input('a'),
    [['a', `u:${value('account.token')}@h`]],
    'u:hunter2@h',
    true,
  ],
  [
    'an input that refers to an input that refers to a secret',
    input('a'),
    [
      ['a', `<+connector.spec.environmentVariables.b>!`],
      ['b', value('account.token')],
    ],
    'hunter2!',
    true,
  ],
  [
    'an argument by way of three inputs',
    `<+secrets.getValue(${input('a')})>`,
    [
      ['a', `${input('b')}.${input('c')}`],
      ['b', 'account'],
      ['c', 'token'],
    ],
    'hunter2',
    true,
  ],
];
for (const [what, script, given, expected, secret] of forms)
  test(`an expression is evaluated: ${what}`, async () => {
    await using world = await plansOf(...one(script, ...given));
    const [planned] = (await world.plan()).inputs;
    assert.deepEqual([planned?.value, planned?.secret], [expected, secret]);
  });

test('a file of many lines arrives byte for byte, through inputs of all three', async () => {
  const file = value('account.pem');
  await using world = await plansOf(
    pemFile('pem', pem),
    aTemplate({
      inputs: [
        variable('t', `<+input>.default(${file})`),
        variable('c', '<+input>'),
        variable('s', '<+input>'),
      ],
    }),
    aConnector({ inputs: [variable('c', file, { useAsDefault: true })] }),
    aSecret({ inputs: [variable('s', file)] }),
  );
  const { inputs } = await world.plan();
  assert.deepEqual(
    inputs.map(({ value: text, secret }) => [text, secret]),
    [
      [pem, true],
      [pem, true],
      [pem, true],
    ],
  );
});

test('what looks like an expression in a secret is text', async () => {
  await using world = await plansOf(
    ...one(input('a'), ['a', value('account.odd')]),
    aText('odd', `${value('account.token')} \${x} <+input>`),
  );
  assert.equal(await world.value(), `${value('account.token')} \${x} <+input>`);
});

test('an input of type Secret is secret, whoever says so, and so is everything that it flows into', async () => {
  const script = `secret="${input('a')} ${input('b')} ${input('c')} ${input('d')}"`;
  await using world = await plansOf(
    aTemplate({
      inputs: [
        variable('a', '<+input>', { type: 'Secret' }),
        ...open('b', 'c'),
        variable('d', `x${input('a')}`),
      ],
      script,
    }),
    aConnector(),
    aSecret({
      inputs: [variable('a', '1'), variable('b', '2', { type: 'Secret' }), variable('c', '3')],
    }),
  );
  assert.deepEqual(
    (await world.plan()).inputs.map(input => [input.value, input.secret]),
    [
      ['1', true],
      ['2', true],
      ['3', false],
      ['x1', true],
    ],
  );
});

test('a label names the expression, never a value', async () => {
  await using world = await plansOf(...one(`<+secrets.getValue(${input('a')})>`, ['a', 'account.token']));
  const [planned] = (await world.plan()).inputs;
  assert.equal(planned?.label, '<+secrets.getValue(<+spec.environmentVariables.a>)>');
});

/** [what, script, inputs, the error]. */
const refusals: [string, string, [string, string][], string | RegExp][] = [
  [
    'a circle of values',
    input('a'),
    [
      ['a', input('b')],
      ['b', input('a')],
    ],
    /values refer to each other in a circle: <\+spec\.environmentVariables\.a> → <\+spec\.environmentVariables\.b> → <\+spec\.environmentVariables\.a>$/,
  ],
  [
    'an input that is not there',
    input('a'),
    [['a', input('nothing')]],
    '<+spec.environmentVariables.nothing> has no value (in <+spec.environmentVariables.a>)',
  ],
  [
    'a secret that is not there',
    input('a'),
    [['a', value('account.nothing')]],
    'No secret found with identifier + [account.nothing]',
  ],
  [
    'a name that is empty',
    `<+secrets.getValue(${input('a')})>`,
    [['a', '']],
    '<+secrets.getValue(<+spec.environmentVariables.a>)>: the name of the secret is empty',
  ],
  [
    "a secret's value for a name",
    `<+secrets.getValue(${value('account.name_of_it')})>`,
    [],
    /a secret's value, or an input of type Secret, cannot be part of a secret's name; use type String$/,
  ],
];
for (const [what, script, given, expected] of refusals)
  test(`refused before anything runs: ${what}`, async () => {
    await using world = await plansOf(...one(script, ...given));
    const { message } = await refusalOf(world.plan());
    if (typeof expected === 'string') assert.equal(message, expected);
    else assert.match(message, expected);
  });

test('a chain of inputs that is too long is refused with its path', async () => {
  const names = Array.from({ length: 30 }, (_, n) => `v${n}`);
  const inputs = names.map((name, n) => variable(name, n === 29 ? 'x' : input(`v${n + 1}`)));
  await using world = await plansOf(
    aTemplate({ inputs, script: `secret="${input('v0')}"` }),
    aConnector(),
    aSecret(),
  );
  assert.match(
    (await refusalOf(world.plan())).message,
    /v20>: values refer to each other more than 20 deep \(in <\+spec\.environmentVariables\.v0> → .*v19>\)$/,
  );
});

test('what no script can hold is said by the name of the secret, not by its value', async () => {
  const apply = async (content: Buffer) => {
    const world = await plansOf(
      aTemplate({ script: `secret="${value('account.f')}"` }),
      aConnector(),
      aSecret(),
    );
    const document = { secret: { identifier: 'f', name: 'f', type: 'SecretFile', spec: { file: 'f' } } };
    await world.tools.apply(yamlOf(document), { files: { f: content } });
    return world;
  };
  await using binary = await apply(Buffer.from([0xff, 0x68]));
  assert.equal(
    (await refusalOf(binary.plan())).message,
    'secret account.f is not UTF-8 text, so that no script can hold it',
  );
  await using nul = await apply(Buffer.from('a\0hunter2'));
  assert.equal(
    (await refusalOf(nul.plan())).message,
    'secret account.f holds a NUL character, which no shell variable can',
  );
});

test("an unprefixed or org. name is read in the connector's scope, not in the secret's", async () => {
  const scope: Scope = 'org/pay/demo';
  await using world = await plansOf(
    aText('token', 'of the account'),
    aText('token', 'of the organisation', 'org/pay'),
    aText('token', 'of the project', scope),
    aTemplate({ inputs: open('a'), script: `secret="<+secrets.getValue(${input('a')})>"` }),
    aConnector({ scope, templateRef: 'account.tpl' }),
    aConnector({ identifier: 'above', scope: 'org/pay', templateRef: 'account.tpl' }),
    ...['token', 'org.token', 'account.token'].map((name, n) =>
      aSecret({ identifier: `s${n}`, scope, manager: 'conn', inputs: [variable('a', name)] }),
    ),
    aSecret({ identifier: 'above', scope, manager: 'org.above', inputs: [variable('a', 'org.token')] }),
  );
  const values = [];
  for (const name of ['s0', 's1', 's2', 'above']) values.push(await world.value(`${scope}/${name}`));
  assert.deepEqual(values, [
    'of the project',
    'of the organisation',
    'of the account',
    'of the organisation',
  ]);
  const lost = aSecret({ scope, manager: 'org.above', inputs: [variable('a', 'token')] });
  assert.match(
    (await refusalOf(world.tools.apply(yamlOf(lost)))).message,
    /ProjectIdentifier cannot be empty for PROJECT scope/,
  );
});

/** A manager `name` whose script uses the secret `of_<next>`; the last one uses none. A secret of each. */
const chain = (names: readonly string[], more: object = { allowSecretsOfOtherManagers: true }) =>
  names.toReversed().flatMap((name, n, all) => [
    aTemplate({
      identifier: name,
      script: n === 0 ? 'secret=x' : `secret="${value(`account.of_${all[n - 1]}`)}"`,
    }),
    aConnector({ identifier: name, templateRef: `account.${name}`, ...more }),
    aSecret({ identifier: `of_${name}`, manager: `account.${name}` }),
  ]);

test('a secret of another manager is fetched for the script, where the connector allows it', async () => {
  await using world = await plansOf(...chain(['a', 'b']));
  world.tools.play = delivering('nested "hunter2"\n$x');
  const [planned] = (await world.plan('account.of_a')).inputs;
  assert.deepEqual([planned?.value, planned?.secret], ['nested "hunter2"\n$x', true]);
  const records = await world.tools.trail();
  assert.deepEqual(
    records.slice(-2).map(({ type, action, subject, connector }) => [type, action, subject, connector]),
    [
      ['request', 'secret.use', 'account.of_b', 'account.b'],
      ['response', 'secret.use', 'account.of_b', 'account.b'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(records), /hunter2/);
});

test('one of three that wait for each other is run first, and each once', async () => {
  await using world = await plansOf(...chain(['a', 'b', 'c']));
  const run: string[] = [];
  world.tools.play = request => {
    run.push(`${request.plan.subject.secret} ${request.plan.inputs.map(({ value }) => value).join()}`);
    return delivering(`v${run.length}`)(request);
  };
  assert.equal(await world.value('account.of_a'), 'v2');
  assert.deepEqual(run, ['account.of_c ', 'account.of_b v1']);
});

test('four that wait for each other are too many, at save and in a plan, with the path', async () => {
  const path =
    "secret managers use each other's secrets more than 3 deep: account.a → account.b → account.c → account.d";
  await using world = await plansOf(...chain(['b', 'c', 'd']));
  const [template = {}, connector = {}, secret = {}] = chain(['a', 'b']).slice(3);
  const error = await refusalOf(world.tools.apply(yamlOf(template, connector, secret)));
  assert.ok(
    error.problems.some(problem => problem.endsWith(path)),
    error.message,
  );

  // It can also grow at the other end, which only a plan sees.
  await using other = await plansOf(
    ...chain(['a', 'b', 'c']),
    aTemplate({ identifier: 'd' }),
    aConnector({ identifier: 'd', templateRef: 'account.d' }),
    aSecret({ identifier: 'of_d', manager: 'account.d' }),
  );
  const longer = aTemplate({ identifier: 'c', script: `secret="${value('account.of_d')}"` });
  await other.tools.apply(yamlOf(longer), { accept: true });
  const deep = await refusalOf(other.plan('account.of_a'));
  assert.deepEqual([deep.code, deep.message], ['CYCLIC_REFERENCE', path]);
});

test('a nested fetch that fails names the secret and the reason, and no output of the script', async () => {
  await using world = await plansOf(...chain(['a', 'b']));
  world.tools.play = failing;
  const { message } = await refusalOf(world.plan('account.of_a'));
  assert.match(message, /^secret account\.of_b, which the script uses, could not be fetched: script-failed/);
  assert.doesNotMatch(message, /no such entry/);
});

test('what is allowed no more is refused when it is used, too', async () => {
  await using world = await plansOf(...chain(['a', 'b']));
  const document = JSON.stringify(
    Object.values(aConnector({ identifier: 'a', templateRef: 'account.a' }))[0],
  );
  await world.database.updateTable('connectors').set({ document }).where('identifier', '=', 'a').execute();
  assert.match(
    (await refusalOf(world.plan('account.of_a'))).message,
    /^Secret \[of_b\] specified in template is stored in secret manager \[b\]/,
  );
});

test('a FirstGen script names secrets by their names, of the account', async () => {
  const named = {
    secret: {
      identifier: 'x',
      name: 'my token',
      type: 'SecretText',
      spec: { valueType: 'Inline', value: 'v' },
    },
  };
  await using world = await plansOf(
    named,
    aTemplate({
      inputs: open('which'),
      script: 'secret="${secrets.getValue("my ${which}")}"',
      expressionSyntax: 'FirstGen',
    }),
    aConnector(),
    aSecret({ inputs: [variable('which', 'token')] }),
    aSecret({ identifier: 'lost', inputs: [variable('which', 'x')] }),
  );
  assert.equal(await world.value(), 'v');
  assert.equal(
    (await refusalOf(world.plan('account.lost'))).message,
    'No secret found with name [my x]. Either the secret is being attempted to be used out of its scope or the secret does not exist.',
  );
  const twin = { secret: { ...named.secret, identifier: 'y' } };
  await world.tools.apply(yamlOf(twin));
  assert.match((await refusalOf(world.plan())).message, /more than one secret with the name \[my token\]/);
});
