/**
 * A store in which everything that there is has the word "foreign" in every name, identifier and id. A request that
 * is made with another word in its place asks for the same, which is not there.
 */
import type { Grant } from '../../control-plane/domain/permissions.ts';
import { saveDelegateJoined } from '../../control-plane/store/access.ts';
import { FakeLink } from '../harness/fake-link.ts';
import { someCaller } from '../harness/tools.ts';
import { type WholeApi, wholeApi } from '../harness/whole-api.ts';

export const there = 'foreign';
export const absent = 'missing';

/** The scopes that hold something; `''` is the account. */
export const places = ['', 'project'] as const;
export type Where = (typeof places)[number];

/** The scope's fields of a document, or of a request. */
export const placeOf = (where: Where, word: string) =>
  where === '' ? {} : { orgIdentifier: `${word}org`, projectIdentifier: `${word}project` };

/** An absolute reference to the thing of this kind. */
export const referenceTo = (where: Where, word: string, kind: string) =>
  `${where === '' ? 'account.' : `org/${word}org/${word}project/`}${word}_${kind}`;

export function template(where: Where, word: string, version = '1', script = `secret=${word}`) {
  const environmentVariables = ['path', 'url'].map(name => ({ name, type: 'String', value: '<+input>' }));
  const spec = { shell: 'Bash', onDelegate: true, source: { type: 'Inline', spec: { script } } };
  const named = { name: `${word} template`, identifier: `${word}_template`, ...placeOf(where, word) };
  const rest = { versionLabel: version, type: 'SecretManager', spec: { ...spec, environmentVariables } };
  return { template: { ...named, ...rest } };
}

export function connector(where: Where, word: string, templateRef = `${word}_template`, input = word) {
  const environmentVariables = [
    { name: 'path', type: 'String', value: input },
    { name: 'url', type: 'String', value: `${word} url`, useAsDefault: true },
  ];
  const named = { name: `${word} connector`, identifier: `${word}_connector`, ...placeOf(where, word) };
  const spec = {
    onDelegate: true,
    delegateSelectors: [`${word}-tag`],
    template: {
      templateRef: where === '' ? `account.${templateRef}` : templateRef,
      versionLabel: '1',
      templateInputs: { environmentVariables },
    },
  };
  return { connector: { ...named, type: 'CustomSecretManager', spec } };
}

export function secret(where: Where, word: string, manager = `${word}_connector`, path = word) {
  const value = JSON.stringify({ environmentVariables: [{ name: 'path', type: 'String', value: path }] });
  const secretManagerIdentifier = where === '' ? `account.${manager}` : manager;
  const spec = { secretManagerIdentifier, valueType: 'CustomSecretManagerValues', value };
  const named = { name: `${word} secret`, identifier: `${word}_secret`, ...placeOf(where, word) };
  return { secret: { ...named, type: 'SecretText', spec } };
}

export function token(where: Where, word: string) {
  const spec = { secretManagerIdentifier: 'harnessSecretManager', valueType: 'Inline', value: word };
  const named = { name: `${word} token`, identifier: `${word}_token`, ...placeOf(where, word) };
  return { secret: { ...named, type: 'SecretText', spec } };
}

export const issuer = (where: Where, word: string) => ({
  name: `${word}-issuer-${where}`,
  issuer: `https://${word}.example`,
  audience: 'legate',
  claims: { sub: [word] },
  orgIdentifier: '',
  projectIdentifier: '',
  ...placeOf(where, word),
});

export const application = (word: string) => ({
  application: {
    name: `${word} application`,
    identifier: `${word}-application`,
    environments: [{ name: `${word} live`, identifier: `${word}-live`, type: 'Production' }],
  },
});

/** JSON is YAML. */
export const yaml = (...documents: readonly object[]) =>
  documents.map(document => JSON.stringify(document)).join('\n---\n');

/** The ids with which FirstGen names what it has made. */
export const idOf = (word: string, what: 'manager' | 'text' | 'file' | 'ssh' | 'template' | 'delegate') =>
  `${word}-${what}-id`;

export interface RightsWorld extends WholeApi {
  readonly admin: string;
}

export async function rightsWorld(): Promise<RightsWorld> {
  const api = await wholeApi();
  const { database } = api.store;
  const admin = await api.key('root', [{ role: 'admin', scope: 'account' }]);
  const inPlace = places.flatMap(where => [
    template(where, there),
    template(where, there, '2', `secret=${there}2`),
    connector(where, there),
    token(where, there),
    secret(where, there),
  ]);
  await api.tools.apply(yaml(application(there), ...inPlace));
  // Something of the readers' own, so that an empty list is not the only one that they can get.
  const own = { orgIdentifier: 'near', projectIdentifier: 'here' };
  await api.tools.apply(
    yaml(
      { template: { ...template('', 'near').template, ...own } },
      { secret: { ...token('', 'near').secret, ...own } },
    ),
  );
  await database
    .updateTable('templates')
    .set({ uuid: idOf(there, 'template') })
    .where('scope', '=', 'account')
    .execute();
  for (const [name, scope] of [
    [`${there}-delegate`, 'account'],
    [`${there}-project-delegate`, `org/${there}org/${there}project`],
    ['near-delegate', 'org/near'],
  ] as const) {
    const link = new FakeLink({ name, scope, tags: [`${name}-tag`] });
    api.roster.add(link);
    await saveDelegateJoined(database, link, api.time);
    await database
      .updateTable('delegates')
      .set({ uuid: name.replace('-delegate', '-delegate-id') })
      .where('name', '=', name)
      .execute();
  }
  const made = { name: `${there}-token`, scope: `org/${there}org/${there}project` } as const;
  await api.tools.tokens.make(someCaller(), made);
  const { orgIdentifier: _, projectIdentifier: __, ...asked } = issuer('project', there);
  await api.tools.issuers.make(someCaller(), { ...asked, name: `${there}-issuer`, scope: made.scope });
  await api.key(`${there}-key`, [{ role: 'viewer', scope: `org/${there}org` }]);
  await firstGenThings(api, admin);
  return { ...api, admin };
}

async function firstGenThings(api: WholeApi, key: string): Promise<void> {
  const run = async (query: string, id: string, i: object) => {
    api.ids.push(id);
    const body = { query, variables: { i } };
    const { text } = await api.ask(key, { method: 'POST', url: '/graphql', body });
    if (text.includes('"errors"')) throw new Error(text);
    api.ids.length = 0;
  };
  await run(
    'mutation($i: CreateSecretManagerInput!) { createSecretManager(input: $i) { secretManager { id } } }',
    idOf(there, 'manager'),
    { secretManagerType: 'CUSTOM', customSecretManagerInput: managerInput(there) },
  );
  const make = 'mutation($i: CreateSecretInput!) { createSecret(input: $i) { secret { id } } }';
  const encryptedText = { name: `${there} text`, value: there };
  await run(make, idOf(there, 'text'), { secretType: 'ENCRYPTED_TEXT', encryptedText });
  await run(make, idOf(there, 'ssh'), { secretType: 'SSH_CREDENTIAL', sshCredential: sshInput(there) });
  await run(
    'mutation($i: AddDelegateScopeInput!) { addDelegegateScope(input: $i) { message } }',
    `${there}-scope-id`,
    { accountId: api.accountId, name: `${there} scope` },
  );
}

export const managerInput = (word: string) => ({
  name: `${word} manager`,
  templateId: idOf(word, 'template'),
  testVariables: ['path', 'url'].map(name => ({ name, value: word })),
  executeOnDelegate: true,
});

export const sshInput = (word: string) => ({
  name: `${word} ssh`,
  authenticationScheme: 'SSH',
  sshAuthentication: {
    userName: 'me',
    port: 22,
    sshAuthenticationMethod: {
      sshCredentialType: 'PASSWORD',
      serverPassword: { passwordSecretId: idOf(word, 'text') },
    },
  },
});

/** Keys whose holders may view nothing of what is foreign. */
export const strangers: Readonly<Record<string, readonly Grant[]>> = {
  'a viewer of another project': [{ role: 'viewer', scope: 'org/near/here' }],
  'an editor of another project': [{ role: 'editor', scope: 'org/near/here' }],
  'an administrator of another organisation': [{ role: 'admin', scope: 'org/near' }],
  'a fetcher of another secret': [{ role: 'fetcher', scope: 'account', secret: 'account.near_secret' }],
  'a fetcher of another connector': [
    { role: 'fetcher', scope: `org/${there}org`, connector: 'account.near_connector' },
  ],
  'a key without grants': [],
};
