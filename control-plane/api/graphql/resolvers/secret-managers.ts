import type {
  CreateSecretManagerInput,
  Maybe,
  SecretManager,
  SecretManagerType,
  UpdateSecretManagerInput,
} from '../../../first-gen/model.ts';
import type { GraphqlContext, Resolver } from '../context.ts';
import { type EnumFilter, enumMatcher, type IdFilter, idMatcher } from '../filters.ts';
import { connection, readPage } from '../paging.ts';
import { usageScopeField } from './usage-scope.ts';

interface MutationId {
  readonly clientMutationId?: Maybe<string>;
}

interface Filter {
  readonly type?: Maybe<EnumFilter<SecretManagerType>>;
  readonly secretManager?: Maybe<IdFilter>;
}

interface ListArguments {
  readonly filters?: Maybe<readonly Maybe<Filter>[]>;
  readonly limit: number;
  readonly offset?: Maybe<number>;
}

async function list(_: unknown, { filters, limit, offset }: ListArguments, context: GraphqlContext) {
  const page = readPage(limit, offset);
  const questions = (filters ?? []).flatMap(filter => {
    const hasType = enumMatcher(filter?.type);
    const hasId = idMatcher(filter?.secretManager);
    return [(item: Pick<SecretManager, 'id' | 'type'>) => hasType(item.type) && hasId(item.id)];
  });
  const { caller, tools } = context;
  const found = await tools.listSecretManagers(caller, item => questions.every(ask => ask(item)), page);
  return connection(found, page);
}

const create: Resolver<{ input: CreateSecretManagerInput & MutationId }> = async (
  _,
  { input },
  { caller, tools, signal },
) => ({
  clientMutationId: input.clientMutationId,
  secretManager: await tools.createSecretManager(caller, input, signal),
});

const update: Resolver<{ input: UpdateSecretManagerInput & MutationId }> = async (
  _,
  { input },
  { caller, tools, signal },
) => ({
  clientMutationId: input.clientMutationId,
  secretManager: await tools.updateSecretManager(caller, input, signal),
});

const remove: Resolver<{ input: { secretManagerId: string } & MutationId }> = async (
  _,
  { input },
  { caller, tools },
) => {
  await tools.deleteSecretManager(caller, input.secretManagerId);
  return { clientMutationId: input.clientMutationId };
};

const find: Resolver<{ secretManagerId: string }> = (_, { secretManagerId }, { caller, tools }) =>
  tools.findSecretManager(caller, secretManagerId.trim());

const findByName: Resolver<{ name: string }> = (_, { name }, { caller, tools }) =>
  tools.findSecretManagerByName(caller, name.trim());

export const secretManagerResolvers = {
  Query: { secretManager: find, secretManagerByName: findByName, secretManagers: list },
  Mutation: { createSecretManager: create, updateSecretManager: update, deleteSecretManager: remove },
  SecretManager: { usageScope: usageScopeField },
  // Of the kinds that are kept, only custom ones have a configuration that is shown.
  SecretManagerConfig: { __resolveType: () => 'CustomSecretManagerConfig' },
};
