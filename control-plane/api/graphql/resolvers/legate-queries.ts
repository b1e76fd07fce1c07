import { formatReference, type Reference } from '../../../domain/reference.ts';
import type { Explanation } from '../../../explain.ts';
import type { Maybe } from '../../../first-gen/model.ts';
import type { Resolver } from '../context.ts';
import { connection, readPage } from '../paging.ts';
import type { ConnectorView, SecretView, TemplateView } from '../tools.ts';
import { referenceFrom, type ScopeArguments, scopeFrom } from './legate-scope.ts';
import { usageScopeField } from './usage-scope.ts';

interface Paged {
  readonly limit?: Maybe<number>;
  readonly offset?: Maybe<number>;
}

type Find = Resolver<ScopeArguments & { reference: string }>;

const templates: Resolver<ScopeArguments & Paged & { search?: Maybe<string> }> = async (_, args, context) => {
  const page = readPage(args.limit, args.offset);
  const { caller, tools } = context;
  return connection(await tools.listTemplates(caller, scopeFrom(args), args.search ?? undefined, page), page);
};

const connectors: Resolver<ScopeArguments & Paged> = async (_, args, { caller, tools }) => {
  const page = readPage(args.limit, args.offset);
  return connection(await tools.listConnectors(caller, scopeFrom(args), page), page);
};

const secrets: Resolver<ScopeArguments & Paged> = async (_, args, { caller, tools }) => {
  const page = readPage(args.limit, args.offset);
  return connection(await tools.listSecrets(caller, scopeFrom(args), page), page);
};

const delegates: Resolver<Paged> = async (_, args, { caller, tools }) => {
  const page = readPage(args.limit, args.offset);
  return connection(await tools.listDelegates(caller, () => true, page), page);
};

const template: Find = (_, args, { caller, tools }) =>
  tools.findTemplate(caller, referenceFrom(args.reference, args));

const connector: Find = (_, args, { caller, tools }) =>
  tools.findConnector(caller, referenceFrom(args.reference, args));

const secret: Find = (_, args, { caller, tools }) =>
  tools.findSecret(caller, referenceFrom(args.reference, args));

const explain: Resolver<ScopeArguments & { secret: string }> = (_, args, { caller, tools }) =>
  tools.explainSecret(caller, referenceFrom(args.secret, args));

const versions: Resolver<object, TemplateView> = ({ scope, identifier }, _, { caller, tools }) =>
  tools.listTemplateVersions(caller, { scope, identifier });

const reference = (entity: Reference) => formatReference(entity);

export const legateQueryResolvers = {
  Query: { legate: () => ({}) },
  LegateQuery: { templates, template, connectors, connector, secrets, secret, delegates, explain },
  LegateTemplate: { reference, versions },
  LegateConnector: {
    reference,
    usageScope: usageScopeField,
    template: (entity: ConnectorView) => formatReference(entity.template),
    versionLabel: (entity: ConnectorView) => entity.template.versionLabel,
    selectors: (entity: ConnectorView) => entity.selectors,
    host: ({ target }: ConnectorView) => (target.kind === 'host' ? target.host : null),
  },
  LegateSecret: {
    reference,
    usageScope: usageScopeField,
    connector: (entity: SecretView) => entity.connector && formatReference(entity.connector),
  },
  LegateExplanation: {
    timeoutSeconds: ({ timeoutMs }: Explanation) => timeoutMs / 1_000,
    cacheTtlSeconds: ({ cacheTtlMs }: Explanation) => cacheTtlMs / 1_000,
  },
  LegateExplainedDelegate: {
    matches: ({ why }: Explanation['delegates'][number]) => why === undefined,
  },
};
