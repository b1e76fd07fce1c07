/** FirstGen's schema: secret managers. */
export const secretManagerTypes = /* GraphQL */ `
type Query {
  secretManager(secretManagerId: String!): SecretManager
  secretManagerByName(name: String!): SecretManager
  secretManagers(filters: [SecretManagerFilter], limit: Int!, offset: Int): SecretManagerConnection
}

type Mutation {
  createSecretManager(input: CreateSecretManagerInput!): UpsertSecretManagerPayload
  updateSecretManager(input: UpdateSecretManagerInput!): UpsertSecretManagerPayload
  deleteSecretManager(input: DeleteSecretManagerInput!): DeleteSecretManagerPayload
}

type SecretManagerConnection {
  pageInfo: PageInfo
  nodes: [SecretManager]
}

type SecretManager {
  id: String
  name: String
  "Null for every kind but custom ones."
  config: SecretManagerConfig
  "Null: no restriction."
  usageScope: UsageScope
}

union SecretManagerConfig = CustomSecretManagerConfig

type CustomSecretManagerConfig {
  templateId: String
  delegateSelectors: [String]
  testVariables: [EncryptedDataParamsOutput]
  executeOnDelegate: Boolean
  isConnectorTemplatized: Boolean
  host: String
  commandPath: String
  connectorId: String
  isDefault: Boolean
}

type EncryptedDataParamsOutput {
  name: String
  value: String
}

type UpsertSecretManagerPayload {
  clientMutationId: String
  secretManager: SecretManager
}
type DeleteSecretManagerPayload {
  clientMutationId: String
}

enum SecretManagerType {
  AWS_KMS
  AWS_SECRET_MANAGER
  HASHICORP_VAULT
  AZURE_KEY_VAULT
  GOOGLE_KMS
  CUSTOM
}

input SecretManagerFilter {
  type: SecretManagerTypeFilter
  secretManager: IdFilter
}
input SecretManagerTypeFilter {
  operator: EnumOperator
  values: [SecretManagerType]
}

input CreateSecretManagerInput {
  clientMutationId: String
  secretManagerType: SecretManagerType!
  hashicorpVaultConfigInput: HashicorpVaultSecretManagerInput
  customSecretManagerInput: CustomSecretManagerInput
}
input UpdateSecretManagerInput {
  clientMutationId: String
  secretManagerId: String!
  secretManagerType: SecretManagerType!
  hashicorpVaultConfigInput: UpdateHashicorpVaultInput
  customSecretManagerInput: UpdateCustomSecretManagerInput
}
input DeleteSecretManagerInput {
  clientMutationId: String
  secretManagerId: String!
}

input CustomSecretManagerInput {
  name: String
  templateId: String
  delegateSelectors: [String]
  testVariables: [EncryptedDataParams]
  executeOnDelegate: Boolean
  isConnectorTemplatized: Boolean
  host: String
  commandPath: String
  connectorId: String
  isDefault: Boolean
  usageScope: UsageScopeInput
}
input UpdateCustomSecretManagerInput {
  uuid: String
  name: String
  templateId: String
  delegateSelectors: [String]
  testVariables: [EncryptedDataParams]
  executeOnDelegate: Boolean
  isConnectorTemplatized: Boolean
  host: String
  commandPath: String
  connectorId: String
  usageScope: UsageScopeInput
}

input HashicorpVaultSecretManagerInput {
  name: String!
  namespace: String
  vaultUrl: String!
  basePath: String
  authDetails: HashicorpVaultAuthDetails!
  secretEngineName: String!
  secretEngineVersion: Int!
  secretEngineRenewalInterval: Long!
  isDefault: Boolean
  isReadOnly: Boolean
  usageScope: UsageScopeInput
}
input UpdateHashicorpVaultInput {
  name: String
  namespace: String
  authDetails: HashicorpVaultAuthDetails
  isReadOnly: Boolean
  secretEngineRenewalInterval: Long
  isDefault: Boolean
  usageScope: UsageScopeInput
}
input HashicorpVaultAuthDetails {
  authToken: String
  appRoleId: String
  secretId: String
}
`;
