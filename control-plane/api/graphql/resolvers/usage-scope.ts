import type { UsageScope } from '../../../domain/entities.ts';

/** No restriction reads back as null. */
export const usageScopeField = ({ usageScope }: { readonly usageScope: UsageScope }) =>
  usageScope.length === 0 ? null : { appEnvScopes: usageScope };
