import assert from 'node:assert/strict';
import test from 'node:test';
import type {
  DelegateScope,
  DelegateView,
  FirstGenSecret,
  SecretManager,
} from '../control-plane/first-gen/model.ts';
import { graphqlAccount, testGraphql } from './harness/graphql.ts';

const custom: SecretManager = {
  id: 'm1',
  name: 'Store',
  type: 'CUSTOM',
  config: {
    templateId: 't1',
    delegateSelectors: ['eu'],
    testVariables: [
      { name: 'key', value: 'a' },
      { name: 'path', value: 'b' },
    ],
    executeOnDelegate: true,
    isConnectorTemplatized: false,
    host: undefined,
    commandPath: '/tmp',
    connectorId: undefined,
    isDefault: false,
  },
  usageScope: [
    { application: { filterType: 'ALL' }, environment: { filterType: 'PRODUCTION_ENVIRONMENTS' } },
    { application: { appId: 'a1' }, environment: { envId: 'e1' } },
  ],
};
const builtIn: SecretManager = {
  id: 'b',
  name: 'Built in',
  type: undefined,
  config: undefined,
  usageScope: [],
};

test('a secret manager reads back as the contract has it', async () => {
  const ids: string[] = [];
  await using server = testGraphql({
    async findSecretManager(_, id) {
      ids.push(id);
      return custom;
    },
    findSecretManagerByName: async (_, name) => ({ ...builtIn, name }),
  });
  const fields = `id name config { ... on CustomSecretManagerConfig {
      templateId executeOnDelegate host commandPath delegateSelectors isDefault testVariables { name value } } }
    usageScope { appEnvScopes { application { filterType appId } environment { filterType envId } } }`;
  const { data } = await server.ask(
    `query($id: String!) { secretManager(secretManagerId: $id) { ${fields} } secretManagerByName(name: " B ") { ${fields} } }`,
    { id: ' m1 ' },
  );
  const all = { filterType: 'ALL', appId: null };
  assert.deepEqual(data, {
    secretManager: {
      id: 'm1',
      name: 'Store',
      config: {
        templateId: 't1',
        executeOnDelegate: true,
        host: null,
        commandPath: '/tmp',
        delegateSelectors: ['eu'],
        isDefault: false,
        testVariables: custom.config?.testVariables,
      },
      usageScope: {
        appEnvScopes: [
          { application: all, environment: { filterType: 'PRODUCTION_ENVIRONMENTS', envId: null } },
          {
            application: { filterType: null, appId: 'a1' },
            environment: { filterType: null, envId: 'e1' },
          },
        ],
      },
    },
    secretManagerByName: { id: 'b', name: 'B', config: null, usageScope: null },
  });
  assert.deepEqual(ids, ['m1']);
});

test('the filters of a list, and their parts, all have to agree', async () => {
  await using server = testGraphql({
    async listSecretManagers(_, accepts, page) {
      const nodes = [custom, builtIn, { ...custom, id: 'm2' }].filter(accepts);
      return { nodes: nodes.slice(page.offset, page.offset + page.limit), total: nodes.length };
    },
  });
  const list = async (filters: unknown) => {
    const query = `query($f: [SecretManagerFilter], $n: Int!) {
      secretManagers(filters: $f, limit: $n) { pageInfo { total limit hasMore } nodes { id } } }`;
    const { data, errors } = await server.ask(query, { f: filters, n: 1_000 });
    assert.deepEqual(errors, []);
    const { secretManagers }: { secretManagers: { nodes: { id: string }[] } } = JSON.parse(
      JSON.stringify(data),
    );
    return secretManagers.nodes.map(({ id }) => id);
  };
  const type = { operator: 'EQUALS', values: ['CUSTOM'] };
  const secretManager = { operator: 'LIKE', values: ['2'] };
  assert.deepEqual(await list(null), ['m1', 'b', 'm2']);
  assert.deepEqual(await list([{ type }]), ['m1', 'm2']);
  assert.deepEqual(await list([{ type, secretManager }]), ['m2']);
  assert.deepEqual(await list([{ type }, { secretManager: { operator: 'NOT_IN', values: ['m2'] } }]), ['m1']);
  const { errors } = await server.ask('{ secretManagers(limit: -1) { nodes { id } } }');
  assert.equal(
    errors[0]?.message,
    'Exception while fetching data (/secretManagers) : Invalid request: Limit argument accepts only non negative values',
  );
});

test('secrets have the type of their kind, and SSH credentials their authentication', async () => {
  const facts = { name: 'n', usageScope: [] };
  const inManager = { secretManagerId: 'm1', scopedToAccount: true, inheritScopesFromSM: false };
  const ssh = (
    method: Extract<FirstGenSecret, { secretType: 'SSH_CREDENTIAL' }>['sshAuthentication']['method'],
  ) =>
    ({
      ...facts,
      id: 's',
      secretType: 'SSH_CREDENTIAL',
      sshAuthentication: { userName: 'u', port: 22, method },
    }) as const;
  const kept: Record<string, FirstGenSecret> = {
    text: { ...facts, ...inManager, id: 't', secretType: 'ENCRYPTED_TEXT' },
    file: { ...facts, ...inManager, id: 'f', secretType: 'ENCRYPTED_FILE' },
    key: ssh({ type: 'SSH_KEY', sshKeySecretFileId: 'k', passphraseSecretId: undefined }),
    path: ssh({ type: 'SSH_KEY_FILE_PATH', path: '/k', passphraseSecretId: 'p' }),
    password: ssh({ type: 'PASSWORD', passwordSecretId: 'pw' }),
  };
  await using server = testGraphql({
    async findFirstGenSecret(_, id) {
      const found = kept[id];
      assert.ok(found);
      return found;
    },
  });
  const fields = `__typename id name secretType secretReference
    ... on EncryptedText { secretManagerId scopedToAccount } ... on EncryptedFile { inheritScopesFromSM }
    ... on SSHCredential { authenticationType { ... on SSHAuthentication { userName port sshAuthenticationMethod {
      sshCredentialType inlineSSHKey { sshKeySecretFileId passphraseSecretId }
      sshKeyFile { path passphraseSecretId } serverPassword { passwordSecretId } } } } }`;
  const asked = Object.keys(kept).map(
    id => `${id}: secret(secretId: "${id}", secretType: ENCRYPTED_TEXT) { ${fields} }`,
  );
  const { data } = await server.ask(`{ ${asked.join(' ')} }`);
  const seen = (typeName: string, secretType: string, rest: object) => ({
    __typename: typeName,
    name: 'n',
    secretType,
    secretReference: null,
    ...rest,
  });
  const method = (parts: object) => {
    const none = { inlineSSHKey: null, sshKeyFile: null, serverPassword: null };
    const sshAuthenticationMethod = { ...none, ...parts };
    const authenticationType = { userName: 'u', port: 22, sshAuthenticationMethod };
    return seen('SSHCredential', 'SSH_CREDENTIAL', { id: 's', authenticationType });
  };
  assert.deepEqual(data, {
    text: seen('EncryptedText', 'ENCRYPTED_TEXT', { id: 't', secretManagerId: 'm1', scopedToAccount: true }),
    file: seen('EncryptedFile', 'ENCRYPTED_FILE', { id: 'f', inheritScopesFromSM: false }),
    key: method({
      sshCredentialType: 'SSH_KEY',
      inlineSSHKey: { sshKeySecretFileId: 'k', passphraseSecretId: null },
    }),
    path: method({
      sshCredentialType: 'SSH_KEY_FILE_PATH',
      sshKeyFile: { path: '/k', passphraseSecretId: 'p' },
    }),
    password: method({ sshCredentialType: 'PASSWORD', serverPassword: { passwordSecretId: 'pw' } }),
  });
});

const delegate: DelegateView = {
  uuid: 'd',
  name: 'agent-1',
  scope: 'account',
  status: 'ENABLED',
  hostName: 'h',
  tags: ['eu'],
  version: '0.1.0',
  lastHeartbeat: '2023-11-14T22:13:20.123Z',
  instances: [
    {
      instance: 'i',
      state: 'connected',
      version: '0.1.0',
      since: '2023-11-14T22:13:20.123Z',
      hostName: 'h',
      lastHeartbeat: '2023-11-14T22:13:20.123Z',
      running: 0,
      capacity: 2,
    },
  ],
  drainedAt: undefined,
  includeScopes: [],
  excludeScopes: [],
};

test('delegates: times, connections, and filters by name, status and account', async () => {
  await using server = testGraphql({
    async listDelegates(_, accepts) {
      const nodes = [delegate, { ...delegate, name: 'agent-2', instances: [] }].filter(accepts);
      return { nodes, total: nodes.length };
    },
  });
  const list = async (filter: object) => {
    const query = `query($f: [DelegateFilter]) { delegateList(filters: $f) { nodes { accountId delegateName
      delegateType polllingModeEnabled lastHeartBeat lastHeartbeat disconnected connections { version } tags } } }`;
    const { data } = await server.ask(query, { f: [filter] });
    const answer: { delegateList: { nodes: { delegateName: string; disconnected: boolean }[] } } = JSON.parse(
      JSON.stringify(data),
    );
    return answer.delegateList.nodes;
  };
  assert.deepEqual(await list({ accountId: graphqlAccount, delegateName: 'agent-1' }), [
    {
      accountId: graphqlAccount,
      delegateName: 'agent-1',
      delegateType: 'SHELL_SCRIPT',
      polllingModeEnabled: false,
      lastHeartBeat: '1700000000123',
      lastHeartbeat: 1_700_000_000_123,
      disconnected: false,
      connections: [{ version: '0.1.0' }],
      tags: ['eu'],
    },
  ]);
  const all = await list({
    accountId: graphqlAccount,
    delegateStatus: 'ENABLED',
    delegateType: 'SHELL_SCRIPT',
  });
  assert.deepEqual(
    all.map(({ disconnected }) => disconnected),
    [false, true],
  );
  for (const none of [{ accountId: 'x' }, { delegateStatus: 'DELETED' }, { delegateType: 'ECS' }])
    assert.deepEqual(await list({ accountId: graphqlAccount, ...none }), []);
});

test('delegate mutations answer with the caller’s clientMutationId, and refuse another account', async () => {
  const scopes: unknown[] = [];
  await using server = testGraphql({
    deleteDelegate: async () => {},
    async addDelegateScope(_, scope): Promise<DelegateScope> {
      scopes.push(scope);
      return { uuid: 'u', ...scope };
    },
    attachDelegateScopes: async (_, id, include, exclude) => {
      scopes.push([id, include, exclude]);
    },
    attachAllDelegateScopes: async () => {},
    approveDelegate: async (_, __, approval) => ({
      ...delegate,
      status: approval === 'ACTIVATE' ? 'ENABLED' : 'DELETED',
    }),
  });
  const input = (more: string, account = graphqlAccount) =>
    `input: {clientMutationId: "c", accountId: "${account}", ${more}}`;
  const { data, errors } = await server.ask(`mutation {
    deleteDelegate(${input('delegateId: "d"')}) { clientMutationId message }
    addDelegegateScope(${input('name: "s", taskGroup: GUARD_24x7, service: {operator: IN, values: ["x"]}')}) {
      clientMutationId message delegateScope { name uuid taskTypes services environments } }
    attachScopeToDelegate(${input('delegateId: "d", includeScopes: {operator: EQUALS, values: ["u"]}')}) { message }
    attachAllScopesToDelegate(${input('delegateId: "d"')}) { clientMutationId }
    delegateApproveReject(${input('delegateId: "d", delegateApproval: REJECT')}) { delegate { status } }
    other: deleteDelegate(${input('delegateId: "d"', 'another')}) { message }
  }`);
  assert.deepEqual(data, {
    deleteDelegate: { clientMutationId: 'c', message: 'Delegate deleted' },
    addDelegegateScope: {
      clientMutationId: 'c',
      message: 'Delegate scope added',
      delegateScope: { name: 's', uuid: 'u', taskTypes: ['GUARD_24x7'], services: ['x'], environments: [] },
    },
    attachScopeToDelegate: { message: 'Scopes attached to the delegate' },
    attachAllScopesToDelegate: { clientMutationId: 'c' },
    delegateApproveReject: { delegate: { status: 'DELETED' } },
    other: null,
  });
  assert.deepEqual(
    errors.map(({ message }) => message),
    [
      "Exception while fetching data (/other) : Invalid request: accountId must be the id of the API key's account",
    ],
  );
  assert.deepEqual(scopes[1], ['d', ['u'], undefined]);
});

test('templateList takes its numbers as texts, and gives version as one', async () => {
  await using server = testGraphql({
    listFirstGenTemplates: async (_, { limit, offset }) => ({
      nodes: [{ uuid: 't', name: `${limit}/${offset}`, version: 3 }],
      total: 1,
    }),
  });
  const { data } = await server.ask(
    `mutation { templateList(input: {accountId: "${graphqlAccount}", limit: "7", offset: "2", clientMutationId: "c"}) {
      clientMutationId nodes { uuid name type version folderId } } }`,
  );
  const node = { uuid: 't', name: '7/2', type: 'SHELL_SCRIPT', version: '3', folderId: null };
  assert.deepEqual(data, { templateList: { clientMutationId: 'c', nodes: [node] } });
});
