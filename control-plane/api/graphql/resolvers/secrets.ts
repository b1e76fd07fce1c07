import type {
  CreateSecretInput,
  FirstGenSecret,
  FirstGenSecretType,
  Maybe,
  SshAuthentication,
  UpdateSecretInput,
} from '../../../first-gen/model.ts';
import type { Resolver } from '../context.ts';
import { usageScopeField } from './usage-scope.ts';

interface MutationId {
  readonly clientMutationId?: Maybe<string>;
}

const create: Resolver<{ input: CreateSecretInput & MutationId }> = async (
  _,
  { input },
  { caller, tools, file, signal },
) => ({
  clientMutationId: input.clientMutationId,
  secret: await tools.createFirstGenSecret(caller, input, file, signal),
});

const update: Resolver<{ input: UpdateSecretInput & MutationId }> = async (
  _,
  { input },
  { caller, tools, file, signal },
) => ({
  clientMutationId: input.clientMutationId,
  secret: await tools.updateFirstGenSecret(caller, input, file, signal),
});

const remove: Resolver<{ input: { secretId: string; secretType: FirstGenSecretType } & MutationId }> = async (
  _,
  { input },
  { caller, tools },
) => {
  await tools.deleteFirstGenSecret(caller, input.secretId, input.secretType);
  return { clientMutationId: input.clientMutationId };
};

const find: Resolver<{ secretId: string; secretType: FirstGenSecretType }> = (
  _,
  { secretId, secretType },
  { caller, tools },
) => tools.findFirstGenSecret(caller, secretId, secretType);

const findByName: Resolver<{ name: string; secretType: FirstGenSecretType }> = (
  _,
  { name, secretType },
  { caller, tools },
) => tools.findFirstGenSecretByName(caller, name, secretType);

const typeNames = {
  ENCRYPTED_TEXT: 'EncryptedText',
  ENCRYPTED_FILE: 'EncryptedFile',
  SSH_CREDENTIAL: 'SSHCredential',
} as const;

function authenticationType({ sshAuthentication }: { sshAuthentication: SshAuthentication }) {
  const { userName, port, method } = sshAuthentication;
  const part = {
    SSH_KEY: 'inlineSSHKey',
    SSH_KEY_FILE_PATH: 'sshKeyFile',
    PASSWORD: 'serverPassword',
  }[method.type];
  return { userName, port, sshAuthenticationMethod: { sshCredentialType: method.type, [part]: method } };
}

export const secretResolvers = {
  Query: { secret: find, secretByName: findByName },
  Mutation: { createSecret: create, updateSecret: update, deleteSecret: remove },
  Secret: { __resolveType: ({ secretType }: FirstGenSecret) => typeNames[secretType] },
  EncryptedText: { usageScope: usageScopeField },
  EncryptedFile: { usageScope: usageScopeField },
  SSHCredential: { usageScope: usageScopeField, authenticationType },
  // Kerberos is not supported: there is no other kind.
  SSHAuthenticationType: { __resolveType: () => 'SSHAuthentication' },
};
