/** FirstGen's schema: scalars, paging, filters, usage scopes. Names and nullability are the contract's. */
export const commonTypes = /* GraphQL */ `
"A 64-bit integer: a decimal text in answers, a text or an integer in requests."
scalar Long
"A time as milliseconds since 1970: a number in answers, an integer or its digits in requests."
scalar DateTime
"An integer or a decimal number."
scalar Number

type PageInfo {
  hasMore: Boolean
  total: Int
  offset: Int
  limit: Int
}

enum IdOperator { EQUALS IN NOT_NULL NOT_IN LIKE }
enum EnumOperator { EQUALS IN }
enum StringOperator { EQUALS IN }

input IdFilter {
  operator: IdOperator!
  values: [String]!
}

input EncryptedDataParams {
  name: String
  value: String
}

enum FilterType { ALL }
enum EnvFilterType { PRODUCTION_ENVIRONMENTS NON_PRODUCTION_ENVIRONMENTS }

input UsageScopeInput {
  appEnvScopes: [AppEnvScopeInput!]
}
input AppEnvScopeInput {
  application: AppScopeFilterInput!
  environment: EnvScopeFilterInput!
}
input AppScopeFilterInput {
  filterType: FilterType
  appId: String
}
input EnvScopeFilterInput {
  filterType: EnvFilterType
  envId: String
}

type UsageScope {
  appEnvScopes: [AppEnvScope]
}
type AppEnvScope {
  application: AppScopeFilter
  environment: EnvScopeFilter
}
type AppScopeFilter {
  filterType: FilterType
  appId: String
}
type EnvScopeFilter {
  filterType: EnvFilterType
  envId: String
}
`;
