import { RequestError } from '../../../domain/errors.ts';
import type { DelegateScope, DelegateStatus, DelegateView, Maybe } from '../../../first-gen/model.ts';
import type { GraphqlContext, Resolver } from '../context.ts';
import { type IdFilter, namedIds } from '../filters.ts';
import { connection, readPage, readTextPage } from '../paging.ts';

interface Paged<Filter> {
  readonly filters?: Maybe<readonly Maybe<Filter>[]>;
  readonly limit?: Maybe<number>;
  readonly offset?: Maybe<number>;
}

interface DelegateFilter {
  readonly accountId: string;
  readonly delegateType?: Maybe<string>;
  readonly delegateStatus?: Maybe<DelegateStatus>;
  readonly delegateName?: Maybe<string>;
}

interface MutationInput {
  readonly clientMutationId?: Maybe<string>;
  readonly accountId: string;
}

interface DelegateInput extends MutationInput {
  readonly delegateId: string;
}

/** Every delegate is a program that was started by itself; of FirstGen's types, that is this one. */
const delegateType = 'SHELL_SCRIPT';

const listDelegates: Resolver<Paged<DelegateFilter>> = async (_, args, { caller, tools, accountId }) => {
  const page = readPage(args.limit, args.offset);
  const accepts = ({ name, status }: { readonly name: string; readonly status: DelegateStatus }) =>
    (args.filters ?? []).every(
      filter =>
        !filter ||
        (filter.accountId === accountId &&
          (filter.delegateType ?? delegateType) === delegateType &&
          (filter.delegateStatus ?? status) === status &&
          (filter.delegateName ?? name) === name),
    );
  return connection(await tools.listDelegates(caller, accepts, page), page);
};

const listScopes: Resolver<Paged<{ accountId: string; scopeName?: Maybe<string> }>> = async (
  _,
  args,
  { caller, tools, accountId },
) => {
  const page = readPage(args.limit, args.offset);
  const accepts = ({ name }: { readonly name: string }) =>
    (args.filters ?? []).every(
      filter => !filter || (filter.accountId === accountId && (filter.scopeName ?? name) === name),
    );
  return connection(await tools.listDelegateScopes(caller, accepts, page), page);
};

const approveReject: Resolver<{
  input: DelegateInput & { delegateApproval: 'ACTIVATE' | 'REJECT' };
}> = async (_, { input }, context) => {
  const { caller, tools } = inAccount(input, context);
  const delegate = await tools.approveDelegate(caller, input.delegateId, input.delegateApproval);
  return { clientMutationId: input.clientMutationId, delegate };
};

const remove: Resolver<{ input: DelegateInput }> = async (_, { input }, context) => {
  const { caller, tools } = inAccount(input, context);
  await tools.deleteDelegate(caller, input.delegateId);
  return { clientMutationId: input.clientMutationId, message: 'Delegate deleted' };
};

const addScope: Resolver<{
  input: MutationInput & {
    name: string;
    environmentTypes?: Maybe<readonly Maybe<'PROD' | 'NON_PROD'>[]>;
    taskGroup?: Maybe<string>;
    application?: Maybe<IdFilter>;
    service?: Maybe<IdFilter>;
    environment?: Maybe<IdFilter>;
    infrastructureDefinition?: Maybe<IdFilter>;
  };
}> = async (_, { input }, context) => {
  const { caller, tools } = inAccount(input, context);
  const delegateScope = await tools.addDelegateScope(caller, {
    name: input.name,
    taskTypes: input.taskGroup ? [input.taskGroup] : [],
    environmentTypes: (input.environmentTypes ?? []).filter(type => type !== null && type !== undefined),
    applications: namedIds(input.application, 'application') ?? [],
    services: namedIds(input.service, 'service') ?? [],
    environments: namedIds(input.environment, 'environment') ?? [],
    infrastructureDefinitions: namedIds(input.infrastructureDefinition, 'infrastructureDefinition') ?? [],
  } satisfies Omit<DelegateScope, 'uuid'>);
  return { clientMutationId: input.clientMutationId, message: 'Delegate scope added', delegateScope };
};

const attachScopes: Resolver<{
  input: DelegateInput & { includeScopes?: Maybe<IdFilter>; excludeScopes?: Maybe<IdFilter> };
}> = async (_, { input }, context) => {
  const { caller, tools } = inAccount(input, context);
  const include = namedIds(input.includeScopes, 'includeScopes');
  const exclude = namedIds(input.excludeScopes, 'excludeScopes');
  await tools.attachDelegateScopes(caller, input.delegateId, include, exclude);
  return { clientMutationId: input.clientMutationId, message: 'Scopes attached to the delegate' };
};

const attachAllScopes: Resolver<{ input: DelegateInput }> = async (_, { input }, context) => {
  const { caller, tools } = inAccount(input, context);
  await tools.attachAllDelegateScopes(caller, input.delegateId);
  return { clientMutationId: input.clientMutationId, message: 'Scopes attached to the delegate' };
};

const listTemplates: Resolver<{
  input: MutationInput & { limit?: Maybe<string>; offset?: Maybe<string> };
}> = async (_, { input }, context) => {
  const { caller, tools } = inAccount(input, context);
  const { nodes } = await tools.listFirstGenTemplates(caller, readTextPage(input.limit, input.offset));
  return {
    clientMutationId: input.clientMutationId,
    nodes: nodes.map(template => ({ ...template, type: 'SHELL_SCRIPT' })),
  };
};

/** Throws a `RequestError` where the input names another account than the key's. */
function inAccount({ accountId }: MutationInput, context: GraphqlContext): GraphqlContext {
  if (accountId === context.accountId) return context;
  throw new RequestError('INVALID_REQUEST', "accountId must be the id of the API key's account");
}

const delegateFields = {
  accountId: (_: DelegateView, __: object, { accountId }: GraphqlContext) => accountId,
  delegateType: () => delegateType,
  delegateName: ({ name }: DelegateView) => name,
  polllingModeEnabled: ({ instances }: DelegateView) => instances.some(({ polls }) => polls === true),
  lastHeartBeat: ({ lastHeartbeat }: DelegateView) => Date.parse(lastHeartbeat),
  connections: ({ instances }: DelegateView) =>
    instances.map(({ version }) => ({ disconnected: false, version })),
  disconnected: ({ instances }: DelegateView) => instances.length === 0,
};

export const delegateResolvers = {
  Query: { delegateList: listDelegates, delegateScopeList: listScopes },
  Mutation: {
    templateList: listTemplates,
    delegateApproveReject: approveReject,
    deleteDelegate: remove,
    addDelegegateScope: addScope,
    attachScopeToDelegate: attachScopes,
    attachAllScopesToDelegate: attachAllScopes,
  },
  Delegate: delegateFields,
};
