/** What can be asked of each field of GraphQL that does something: the roots', and ours below them. */
import {
  type GraphQLField,
  type GraphQLOutputType,
  getNamedType,
  isAbstractType,
  isLeafType,
  isObjectType,
} from 'graphql';
import { buildGraphqlSchema } from '../../control-plane/api/graphql/schema.ts';
import type { Action } from '../../control-plane/domain/permissions.ts';
import type { Operation } from './operation.ts';
import { idOf, managerInput, placeOf, places, referenceTo, sshInput, type Where } from './world.ts';

const schema = buildGraphqlSchema();

/** How a field of one of these types is reached. */
const roots = {
  Query: ['query', ''],
  Mutation: ['mutation', ''],
  Subscription: ['subscription', ''],
  LegateQuery: ['query', 'legate'],
  LegateMutation: ['mutation', 'legate'],
} as const;
type Root = keyof typeof roots;

const fieldsOf = (root: string) => {
  const type = schema.getType(root);
  if (!isObjectType(type)) throw new Error(`there is no type ${root}`);
  return Object.values(type.getFields());
};

/** Of the schema itself: a new one has to be added below. */
export const fieldNames = Object.keys(roots).flatMap(root =>
  fieldsOf(root)
    .filter(({ name }) => name !== 'legate')
    .map(({ name }) => `${root}.${name}`),
);

/**
 * Everything that can be selected, so that nothing foreign is overlooked. Members of a union may have fields of one
 * name and different types, which `prefix` keeps apart.
 */
function selection(type: GraphQLOutputType, depth = 6, prefix = ''): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (isAbstractType(named)) {
    const members = schema.getPossibleTypes(named);
    const parts = members.map(
      member => `... on ${member.name} ${selection(member, depth, `${member.name}_`)}`,
    );
    return `{ __typename ${parts.join(' ')} }`;
  }
  if (!isObjectType(named)) throw new Error('that is no type of an answer');
  const fields = Object.values(named.getFields()).filter(
    field => field.args.length === 0 && (depth > 0 || isLeafType(getNamedType(field.type))),
  );
  const parts = fields.map(
    field => `${prefix && `${prefix}${field.name}: `}${field.name} ${selection(field.type, depth - 1)}`,
  );
  return `{ __typename ${parts.join(' ')} }`;
}

type Args = (where: Where, word: string) => Readonly<Record<string, unknown>>;

function field(
  name: string,
  needs: Action,
  about: Operation['about'],
  args: readonly Args[],
  where: readonly Where[] = [''],
): Operation {
  const [root = '', fieldName = ''] = name.split('.');
  const found = fieldsOf(root).find(one => one.name === fieldName);
  if (!isRoot(root) || !found) throw new Error(`there is no field ${name}`);
  const requests = (at: Where, word: string) => args.map(make => request(root, found, make(at, word)));
  return { name, needs, about, where, requests };
}

const isRoot = (name: string): name is Root => Object.hasOwn(roots, name);

function request(root: Root, { name, args, type }: GraphQLField<unknown, unknown>, variables: object) {
  const used = args.filter(arg => Object.hasOwn(variables, arg.name));
  const declared = used.map(arg => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = used.map(arg => `${arg.name}: $${arg.name}`).join(', ');
  const asked = `${name}${passed && `(${passed})`} ${selection(type)}`;
  const [operation, parent] = roots[root];
  const query = `${operation}${declared && `(${declared})`} { ${parent ? `${parent} { ${asked} }` : asked} }`;
  return { method: 'POST' as const, url: '/graphql', body: { query, variables } };
}

const manager: Args = (_, word) => ({ secretManagerId: idOf(word, 'manager') });
const text = (word: string) => ({ secretId: idOf(word, 'text'), secretType: 'ENCRYPTED_TEXT' });
const ssh = (word: string) => ({ secretId: idOf(word, 'ssh'), secretType: 'SSH_CREDENTIAL' });
const input =
  (make: (word: string) => object): Args =>
  (_, word) => ({ input: make(word) });

const our = (kind: string, name = 'reference'): Args[] => [
  (where, word) => ({ [name]: referenceTo(where, word, kind) }),
  (where, word) => ({
    [name]: where === '' ? `account.${word}_${kind}` : `${word}_${kind}`,
    ...placeOf(where, word),
  }),
];
const inScope: Args[] = [placeOf];

export const firstGenFields = (accountId: string): readonly Operation[] => {
  const delegate = (more: object = {}) =>
    input(word => ({ accountId, delegateId: idOf(word, 'delegate'), ...more }));
  const one = { limit: 100 };
  return [
    field('Query.secretManager', 'view', 'thing', [manager]),
    field('Query.secretManagerByName', 'view', 'thing', [
      (_, word) => ({ name: `${word} manager` }),
      (_, word) => ({ name: `${word} connector` }),
    ]),
    field('Query.secretManagers', 'view', 'list', [() => one]),
    field('Query.secret', 'view', 'thing', [(_, word) => text(word), (_, word) => ssh(word)]),
    field('Query.secretByName', 'view', 'thing', [
      (_, word) => ({ name: `${word} text`, secretType: 'ENCRYPTED_TEXT' }),
      (_, word) => ({ name: `${word} secret`, secretType: 'ENCRYPTED_TEXT' }),
    ]),
    field('Query.delegateList', 'view', 'list', [
      () => ({}),
      (_, word) => ({ filters: [{ accountId, delegateName: `${word}-delegate` }] }),
    ]),
    field('Query.delegateScopeList', 'view', 'list', [
      () => ({}),
      (_, word) => ({ filters: [{ accountId, scopeName: `${word} scope` }] }),
    ]),
    field('Mutation.templateList', 'view', 'list', [input(() => ({ accountId }))]),
    field('Mutation.createSecretManager', 'edit', 'thing', [
      input(word => ({
        secretManagerType: 'CUSTOM',
        customSecretManagerInput: { ...managerInput(word), name: 'new' },
      })),
    ]),
    field('Mutation.updateSecretManager', 'edit', 'thing', [
      input(word => ({
        secretManagerId: idOf(word, 'manager'),
        secretManagerType: 'CUSTOM',
        customSecretManagerInput: {},
      })),
    ]),
    field('Mutation.deleteSecretManager', 'edit', 'thing', [
      input(word => ({ secretManagerId: idOf(word, 'manager') })),
    ]),
    field('Mutation.createSecret', 'edit', 'scope', [
      input(() => ({ secretType: 'ENCRYPTED_TEXT', encryptedText: { name: 'new', value: 'x' } })),
      input(word => ({ secretType: 'ENCRYPTED_TEXT', encryptedText: { name: `${word} text`, value: 'x' } })),
      input(word => ({
        secretType: 'ENCRYPTED_TEXT',
        encryptedText: { name: 'n', secretManagerId: idOf(word, 'manager'), parameters: [] },
      })),
      input(word => ({ secretType: 'SSH_CREDENTIAL', sshCredential: { ...sshInput(word), name: 'n' } })),
    ]),
    field('Mutation.updateSecret', 'edit', 'thing', [
      input(word => ({ ...text(word), encryptedText: { value: 'y' } })),
      input(word => ({ ...ssh(word), sshCredential: { name: 'n' } })),
    ]),
    field('Mutation.deleteSecret', 'edit', 'thing', [input(ssh), input(text)]),
    field('Mutation.delegateApproveReject', 'administer', 'thing', [
      delegate({ delegateApproval: 'ACTIVATE' }),
    ]),
    field('Mutation.addDelegegateScope', 'administer', 'scope', [
      input(() => ({ accountId, name: 'new' })),
      input(word => ({ accountId, name: `${word} scope` })),
    ]),
    field('Mutation.attachScopeToDelegate', 'administer', 'thing', [
      delegate({ includeScopes: { operator: 'IN', values: ['x'] } }),
      // A delegate of an administrator's own, and a scope of the account.
      input(word => ({
        accountId,
        delegateId: 'near-delegate-id',
        includeScopes: { operator: 'IN', values: [`${word} scope`] },
      })),
    ]),
    field('Mutation.attachAllScopesToDelegate', 'administer', 'thing', [delegate()]),
    field('Mutation.deleteDelegate', 'administer', 'thing', [delegate()]),
  ];
};

export const ourFields: readonly Operation[] = [
  field('LegateQuery.templates', 'view', 'list', inScope, places),
  field('LegateQuery.template', 'view', 'thing', our('template'), places),
  field('LegateQuery.connectors', 'view', 'list', inScope, places),
  field('LegateQuery.connector', 'view', 'thing', our('connector'), places),
  field('LegateQuery.secrets', 'view', 'list', inScope, places),
  field('LegateQuery.secret', 'view', 'thing', our('secret'), places),
  field('LegateQuery.delegates', 'view', 'list', [() => ({})]),
  field('LegateQuery.explain', 'view', 'thing', our('secret', 'secret'), places),
  field('LegateMutation.fetch', 'fetch', 'thing', our('secret', 'secret'), places),
  field('Subscription.legateConnectionTest', 'edit', 'thing', our('connector', 'connector'), places),
];
