/** The contract's §7: validators, when a document is saved and again when a value is used. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile, managerWith, rows } from '../../test/harness/contract-rows.ts';
import { testDatabase } from '../../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../../test/harness/documents.ts';
import { refusalOf, toolsFor } from '../../test/harness/tools.ts';
import { resolvePlan, subjectOf } from '../resolve-plan.ts';
import { findSecret } from '../store/secrets.ts';

/** [condition, the template's value, its type, the value that is given, the message]. */
const validators: [condition: string, value: string, type: string, given: string, message: string][] = [
  [
    'allowedValues, text',
    '<+input>.allowedValues(x,y)',
    'String',
    'a,x,b',
    "Current values \\'a\\', \\'b\\' are not in allowed values list (allowedValues: x, y)",
  ],
  [
    'allowedValues, number',
    '<+input>.allowedValues(1,2)',
    'Number',
    '3',
    'Current value 3 is not in allowed values list (allowedValues: 1, 2)',
  ],
  [
    'selectOneFrom, none of them',
    '<+input>.selectOneFrom(x,y)',
    'String',
    'z',
    "Current values \\'z\\' are not in allowed values list (selectOneFrom: x, y)",
  ],
  [
    'selectOneFrom, two of them',
    '<+input>.selectOneFrom(x,y)',
    'String',
    'x,y',
    "Current values \\'x\\', \\'y\\' are not in allowed values list (selectOneFrom: x, y)",
  ],
  [
    'selectManyFrom',
    '<+input>.selectManyFrom(x,y)',
    'String',
    'x,z',
    "Current values \\'z\\' are not in allowed values list (selectManyFrom: x, y)",
  ],
  [
    'regex, a part of the value',
    '<+input>.regex([a-z]+)',
    'String',
    'ab1',
    'Current value ab1 does not match with given regex (regex: [a-z]+)',
  ],
  ['a number that is none', '<+input>', 'Number', 'ten', 'it must be a number'],
  [
    'a value that must not be shown',
    '<+input>.regex([a-z]+)',
    'Secret',
    'hunter2',
    'Current value ****** does not match with given regex (regex)',
  ],
];

for (const [condition, value, type, given, message] of validators) {
  rows('§7', {
    [`${condition}, from a connector`]: {
      there: [aTemplate({ inputs: [variable('a', value, { type })] })],
      asked: aConnector({ inputs: [variable('a', given)] }),
      message:
        'Invalid request: connector.spec.template.templateInputs: input "a", value from the connector: ' +
        message,
    },
    [`${condition}, from a secret`]: {
      there: managerWith([variable('a', value, { type })]),
      asked: aSecret({ inputs: [variable('a', given)] }),
      message: `Invalid request: secret.spec.value: input "a", value from the secret: ${message}`,
    },
  });

  test(`§7: ${condition}, when an expression brings it`, async () => {
    await using store = await testDatabase();
    const tools = await toolsFor(store.database, compile);
    // A name is no secret's value, so that what is shown of it is the same.
    const isSecret = type === 'Secret';
    const given_ = isSecret ? '<+secrets.getValue("account.v")>' : '<+spec.given>';
    await tools.apply(
      yamlOf(
        aText('v', given),
        aTemplate({ inputs: [variable('a', value, { type })], given }),
        aConnector(),
        aSecret({ inputs: [variable('a', given_)] }),
      ),
    );
    const stored = await findSecret(store.database, { scope: 'account', identifier: 's' });
    assert.ok(stored);
    const fetchNested = () => assert.fail('nothing is nested');
    const plan = resolvePlan({ ...tools, fetchNested }, await subjectOf(store.database, stored));
    assert.equal(
      (await refusalOf(plan)).message,
      `Invalid request: input "a", value from the secret: ${message}`,
    );
  });
}

const template = (value: string, type = 'String') =>
  aTemplate({ inputs: [variable('a', value, { type })], script: 'secret=x' });
const at = 'Invalid request: template.spec.environmentVariables[0].value: ';

rows('§7, the grammar', {
  'a part of a longer text': {
    asked: template('x<+input>'),
    message: `${at}<+input> must be the whole value, it cannot stand in a longer text`,
  },
  'a method twice': {
    asked: template('<+input>.default(a).default(b)'),
    message: `${at}.default(…) stands twice`,
  },
  'two validators': {
    asked: template('<+input>.allowedValues(a).regex(a)'),
    message: `${at}.allowedValues(…) and .regex(…) exclude each other`,
  },
  'a default that is not allowed': {
    asked: template('<+input>.default(c).allowedValues(a,b)'),
    message: `${at}the default breaks .allowedValues(…): Current values \\'c\\' are not in allowed values list`,
  },
  'several defaults': {
    asked: template('<+input>.default(a,b)'),
    message: `${at}several defaults need .selectManyFrom(…); put a default that holds a comma in quotes: .default(\\'a,b\\')`,
  },
  'an unquoted star': {
    asked: template('<+input>.default(*a)'),
    message: `${at}a default cannot begin with "*"; put it in quotes: .default(\\'*…\\')`,
  },
  'a pattern that does not compile': {
    asked: template('<+input>.regex([)'),
    message: `${at}the pattern of .regex(…) cannot be used: it does not compile`,
  },
  'a default of a number that is none': {
    asked: template('<+input>.default(ten)', 'Number'),
    message: `${at}the default must be a number`,
  },
  'a method that there is not': {
    asked: template('<+input>.other(a)'),
    message: `${at}<+input> has no method other; it has default, allowedValues, selectOneFrom, selectManyFrom, regex, executionInput`,
  },
  'of a secret input nothing is quoted': {
    asked: template('<+input>hunter2', 'Secret'),
    message: `${at}it holds an <+input> that is not understood`,
  },
  'nor of an expression in one': {
    asked: template('a<+hunter2>', 'Secret'),
    message: `${at}the expression at character 2 is not understood`,
  },
  'nor of a field that it names': {
    there: managerWith([variable('a', '<+input>', { type: 'Secret' })]),
    asked: aSecret({ inputs: [variable('a', '<+spec.hunter2>')] }),
    message:
      'Invalid request: secret.spec.value: input "a": it names a field of the template\'s spec that cannot be used',
  },
  'nor of anything in a secret': {
    there: managerWith([variable('a', '<+input>', { type: 'Secret' })]),
    asked: aSecret({ inputs: [variable('a', 'ab<+hunter2>')] }),
    message:
      'Invalid request: secret.spec.value.environmentVariables[0].value: the expression at character 3 is not understood',
  },
});
