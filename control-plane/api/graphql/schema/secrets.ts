/** FirstGen's schema: secrets. No field returns a value. */
const facts = `
  id: String
  secretType: SecretType
  name: String
  "Null: no restriction."
  usageScope: UsageScope
  secretReference: String
`;

export const secretTypes = /* GraphQL */ `
extend type Query {
  secret(secretId: String!, secretType: SecretType!): Secret
  secretByName(name: String!, secretType: SecretType!): Secret
}

extend type Mutation {
  createSecret(input: CreateSecretInput!): CreateSecretPayload
  updateSecret(input: UpdateSecretInput!): UpdateSecretPayload
  deleteSecret(input: DeleteSecretInput!): DeleteSecretPayload
}

enum SecretType {
  ENCRYPTED_TEXT
  ENCRYPTED_FILE
  WINRM_CREDENTIAL
  SSH_CREDENTIAL
}

type CreateSecretPayload {
  clientMutationId: String
  secret: Secret
}
type UpdateSecretPayload {
  clientMutationId: String
  secret: Secret
}
type DeleteSecretPayload {
  clientMutationId: String
}

input CreateSecretInput {
  clientMutationId: String
  secretType: SecretType!
  encryptedText: EncryptedTextInput
  winRMCredential: WinRMCredentialInput
  sshCredential: SSHCredentialInput
  encryptedFile: EncryptedFileInput
}
input UpdateSecretInput {
  clientMutationId: String
  secretId: String!
  secretType: SecretType!
  encryptedText: UpdateEncryptedText
  winRMCredential: UpdateWinRMCredential
  sshCredential: UpdateSSHCredential
  encryptedFile: EncryptedFileInput
}
input DeleteSecretInput {
  clientMutationId: String
  secretId: String!
  secretType: SecretType!
}

input EncryptedTextInput {
  secretManagerId: String
  name: String!
  value: String
  secretReference: String
  parameters: [EncryptedDataParams]
  usageScope: UsageScopeInput
  scopedToAccount: Boolean
  inheritScopesFromSM: Boolean
}
input UpdateEncryptedText {
  name: String
  value: String
  secretReference: String
  parameters: [EncryptedDataParams]
  usageScope: UsageScopeInput
  scopedToAccount: Boolean
  inheritScopesFromSM: Boolean
}
"The bytes are the part 'file' of a multipart/form-data request."
input EncryptedFileInput {
  secretManagerId: String
  name: String!
  usageScope: UsageScopeInput
  scopedToAccount: Boolean
  inheritScopesFromSM: Boolean
}

interface Secret {${facts}}

type EncryptedText implements Secret {${facts}
  secretManagerId: String
  scopedToAccount: Boolean
  inheritScopesFromSM: Boolean
}
type EncryptedFile implements Secret {${facts}
  secretManagerId: String
  scopedToAccount: Boolean
  inheritScopesFromSM: Boolean
}
type SSHCredential implements Secret {${facts}
  authenticationType: SSHAuthenticationType
}
type WinRMCredential implements Secret {${facts}
  domain: String
  authenticationScheme: WinRMAuthenticationScheme
  userName: String
  port: Int
  useSSL: Boolean
  skipCertCheck: Boolean
  keyTabFilePath: String
  parameters: [WinRmCommandParameter]
}
`;
