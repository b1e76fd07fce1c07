/** FirstGen's schema: SSH and WinRM credentials. */
export const credentialTypes = /* GraphQL */ `
enum SSHAuthenticationScheme { SSH KERBEROS }
enum SSHCredentialType { SSH_KEY SSH_KEY_FILE_PATH PASSWORD }
enum SSHCredentialTypeOutput { SSH_KEY SSH_KEY_FILE_PATH PASSWORD }
enum TGTGenerationUsing { KEY_TAB_FILE PASSWORD }
enum WinRMAuthenticationScheme { NTLM BASIC KERBEROS }

input SSHCredentialInput {
  name: String!
  authenticationScheme: SSHAuthenticationScheme!
  sshAuthentication: SSHAuthenticationInput
  kerberosAuthentication: KerberosAuthenticationInput
  usageScope: UsageScopeInput
}
input UpdateSSHCredential {
  name: String
  authenticationScheme: SSHAuthenticationScheme
  sshAuthentication: SSHAuthenticationInput
  kerberosAuthentication: KerberosAuthenticationInput
  usageScope: UsageScopeInput
}
input SSHAuthenticationInput {
  userName: String!
  port: Int!
  sshAuthenticationMethod: SSHAuthenticationMethod!
}
input SSHAuthenticationMethod {
  sshCredentialType: SSHCredentialType!
  inlineSSHKey: InlineSSHKey
  sshKeyFile: SSHKeyFile
  serverPassword: SSHPassword
}
input InlineSSHKey {
  sshKeySecretFileId: String!
  passphraseSecretId: String
}
input SSHKeyFile {
  path: String!
  passphraseSecretId: String
}
input SSHPassword {
  passwordSecretId: String!
}
input KerberosAuthenticationInput {
  principal: String!
  realm: String!
  port: Int!
  tgtGenerationMethod: TGTGenerationMethod
}
input TGTGenerationMethod {
  tgtGenerationUsing: TGTGenerationUsing!
  keyTabFile: KeyTabFile
  kerberosPassword: KerberosPassword
}
input KeyTabFile {
  filePath: String!
}
input KerberosPassword {
  passwordSecretId: String!
}

input WinRMCredentialInput {
  name: String!
  authenticationScheme: WinRMAuthenticationScheme
  domain: String
  userName: String!
  passwordSecretId: String!
  useSSL: Boolean
  skipCertCheck: Boolean
  port: Int
  usageScope: UsageScopeInput
  keyTabFilePath: String
  parameters: [WinRmCommandParameterInput]
}
input UpdateWinRMCredential {
  name: String
  authenticationScheme: WinRMAuthenticationScheme
  domain: String
  userName: String
  passwordSecretId: String
  useSSL: Boolean
  skipCertCheck: Boolean
  port: Int
  usageScope: UsageScopeInput
  keyTabFilePath: String
  parameters: [WinRmCommandParameterInput]
}
input WinRmCommandParameterInput {
  parameter: String
  value: String
}

union SSHAuthenticationType = SSHAuthentication | KerberosAuthentication

type SSHAuthentication {
  userName: String
  port: Int
  sshAuthenticationMethod: SSHAuthenticationMethodOutput
}
type SSHAuthenticationMethodOutput {
  sshCredentialType: String
  inlineSSHKey: InlineSSHKeyOutput
  sshKeyFile: SSHKeyFileOutput
  serverPassword: SSHPasswordOutput
}
type InlineSSHKeyOutput {
  sshKeySecretFileId: String
  passphraseSecretId: String
}
type SSHKeyFileOutput {
  path: String
  passphraseSecretId: String
}
type SSHPasswordOutput {
  passwordSecretId: String
}
type KerberosAuthentication {
  principal: String
  realm: String
  port: Int
}
type WinRmCommandParameter {
  parameter: String
  value: String
}
`;
