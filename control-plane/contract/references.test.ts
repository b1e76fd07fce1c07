/** The contract's §6: what is said of references, at save and when an expression is resolved. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile, rows } from '../../test/harness/contract-rows.ts';
import { testDatabase } from '../../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, variable, yamlOf } from '../../test/harness/documents.ts';
import { refusalOf, toolsFor } from '../../test/harness/tools.ts';
import type { Scope } from '../domain/scope.ts';
import { resolvePlan, testSubjectOf } from '../resolve-plan.ts';

const formats =
  'Valid references must be one of the following formats [ id, org.id, account.id ]  for scope ' +
  '[ project, organisation, account ] respectively';
const at = (field: string) => `connector.spec.${field}: `;
const remote = { onDelegate: false, host: 'h', workingDirectory: '/tmp' };
const manager = 'secret.spec.secretManagerIdentifier: ';
const jumpKey = (key: string) => ({
  secret: {
    identifier: 'jump',
    name: 'jump',
    type: 'SSHKey',
    spec: {
      auth: { type: 'SSH', spec: { credentialType: 'KeyReference', spec: { userName: 'deploy', key } } },
    },
  },
});

rows('§6', {
  'an empty manager reference': {
    asked: aSecret({ manager: ' ' }),
    message: 'Unable to resolve empty connector identifier reference',
  },
  'a manager reference with a bad prefix': {
    asked: aSecret({ manager: 'project.x' }),
    message: `${manager}Invalid Identifier Reference project.x. ${formats}`,
  },
  'a manager reference with two dots': {
    asked: aSecret({ manager: 'account.a.b' }),
    message: `${manager}Invalid Identifier Reference account.a.b. ${formats}`,
  },
  'an unprefixed manager reference without a project': {
    asked: aSecret({ scope: 'org/pay', manager: 'x' }),
    message: `${manager}ProjectIdentifier cannot be empty for PROJECT scope`,
  },
  'an org. manager reference without an organisation': {
    asked: aSecret({ manager: 'org.x' }),
    message: `${manager}OrgIdentifier cannot be empty for ORG scope`,
  },
  'a project without an organisation': {
    asked: {
      secret: { ...Object(Object.values(aSecret())[0]), projectIdentifier: 'demo' },
    },
    message: 'secret.orgIdentifier: OrgIdentifier cannot be empty for PROJECT scope',
  },
  'an account that refers to an organisation': {
    asked: aConnector({ templateRef: 'org.x' }),
    message: `${at('template.templateRef')}The org level templateRef cannot be used at account level. Ref: [org.x]`,
  },
  'an account that refers to a project': {
    asked: aConnector({ templateRef: 'x' }),
    message: `${at('template.templateRef')}The project level templateRef cannot be used at account level. Ref: [x]`,
  },
  'an organisation that refers to a project': {
    asked: aConnector({ scope: 'org/pay', templateRef: 'x' }),
    message: `${at('template.templateRef')}The project level templateRef cannot be used at org level. Ref: [x]`,
  },
  'a bad prefix in a field': {
    asked: aConnector({ templateRef: 'project.x' }),
    message: `${at('template.templateRef')}Invalid Identifier Reference used for templateRef`,
  },
  'an empty field': {
    asked: aConnector({ templateRef: '' }),
    message: `${at('template.templateRef')}Empty identifier ref cannot be used for templateRef`,
  },
  'a credential that is below': {
    there: [aTemplate()],
    asked: aConnector({ ...remote, connectorRef: 'jump' }),
    message: `${at('connectorRef')}The project level connectorRef cannot be used at account level. Ref: [jump]`,
  },
  'a credential with a bad prefix': {
    there: [aTemplate()],
    asked: aConnector({ ...remote, connectorRef: 'a.b.c' }),
    message: `${at('connectorRef')}Invalid Identifier Reference used for connectorRef`,
  },
  "a credential's key that is below": {
    asked: jumpKey('org.pem'),
    message:
      'Invalid request: secret.spec.auth.spec.spec.key: The org level key cannot be used at account level. Ref: [org.pem]',
  },
});

/** With what the connection test of a connector is refused whose script names this secret. */
async function unresolved(argument: string, scope: Scope = 'account'): Promise<string> {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  const name = scope === 'account' ? 'account.tpl' : scope.split('/').length === 2 ? 'org.tpl' : 'tpl';
  await tools.apply(
    yamlOf(
      aTemplate({
        scope,
        inputs: [variable('key', '<+input>')],
        script: 'secret="<+secrets.getValue(<+spec.environmentVariables.key>)>"',
      }),
      aConnector({ scope, templateRef: name, inputs: [variable('key', '<+input>')] }),
    ),
  );
  const subject = await testSubjectOf(store.database, { scope, identifier: 'conn' });
  const [input] = subject.connector.inputs;
  assert.ok(input);
  const inputs = [{ ...input, value: { kind: 'fixed' as const, text: argument } }];
  const connector = { ...subject.connector, inputs };
  const fetchNested = () => assert.fail('nothing is nested');
  return (await refusalOf(resolvePlan({ ...tools, fetchNested }, { ...subject, connector }))).message;
}

const expressions: [condition: string, argument: string, scope: Scope, message: string][] = [
  ['a bad prefix', 'project.x', 'account', `Invalid Identifier Reference project.x. ${formats}`],
  ['two dots', 'account.x.y', 'account', `Invalid Identifier Reference account.x.y. ${formats}`],
  ['unprefixed, no project', 'x', 'org/pay', 'ProjectIdentifier cannot be empty for PROJECT scope'],
  ['org. without an organisation', 'org.x', 'account', 'OrgIdentifier cannot be empty for ORG scope'],
  ['an unknown secret', 'account.x', 'account', 'No secret found with identifier + [account.x]'],
  ['an unknown secret of a project', 'x', 'org/pay/demo', 'No secret found with identifier + [x]'],
];
for (const [condition, argument, scope, message] of expressions)
  test(`§6, in an expression: ${condition}`, async () => {
    assert.equal(await unresolved(argument, scope), message);
  });
