/**
 * What FirstGen's operations take and give. The inputs are what GraphQL has checked against the schema, no
 * more: absent (undefined) and null differ, because updates tell them apart. Rules and messages belong to
 * whoever implements the operations.
 */
import type { UsageScope } from '../domain/entities.ts';
import type { Scope } from '../domain/scope.ts';

export type Maybe<T> = T | null | undefined;

/** Limit and offset as they take effect. */
export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** One page of a list; `total` counts what there is without paging. */
export interface Listing<T> {
  readonly nodes: readonly T[];
  readonly total: number;
}

export interface NameAndValue {
  readonly name?: Maybe<string>;
  readonly value?: Maybe<string>;
}

export interface UsageScopeInput {
  readonly appEnvScopes?: Maybe<
    readonly {
      readonly application: { readonly filterType?: Maybe<'ALL'>; readonly appId?: Maybe<string> };
      readonly environment: {
        readonly filterType?: Maybe<'PRODUCTION_ENVIRONMENTS' | 'NON_PRODUCTION_ENVIRONMENTS'>;
        readonly envId?: Maybe<string>;
      };
    }[]
  >;
}

// Secret managers.

export type SecretManagerType =
  | 'AWS_KMS'
  | 'AWS_SECRET_MANAGER'
  | 'HASHICORP_VAULT'
  | 'AZURE_KEY_VAULT'
  | 'GOOGLE_KMS'
  | 'CUSTOM';

export interface SecretManager {
  readonly id: string;
  readonly name: string;
  /** Undefined: the built-in one, which is of no kind that the schema names. */
  readonly type: SecretManagerType | undefined;
  /** Custom secret managers only. */
  readonly config: CustomSecretManagerConfig | undefined;
  readonly usageScope: UsageScope;
}

export interface CustomSecretManagerConfig {
  /** The template's uuid. */
  readonly templateId: string;
  readonly delegateSelectors: readonly string[];
  /** In the order in which they were given. */
  readonly testVariables: readonly { readonly name: string; readonly value: string }[];
  readonly executeOnDelegate: boolean;
  readonly isConnectorTemplatized: boolean;
  readonly host: string | undefined;
  readonly commandPath: string | undefined;
  /** The uuid of the SSH credential. */
  readonly connectorId: string | undefined;
  readonly isDefault: boolean;
}

export interface CustomSecretManagerInput {
  readonly name?: Maybe<string>;
  readonly templateId?: Maybe<string>;
  readonly delegateSelectors?: Maybe<readonly Maybe<string>[]>;
  readonly testVariables?: Maybe<readonly Maybe<NameAndValue>[]>;
  readonly executeOnDelegate?: Maybe<boolean>;
  readonly isConnectorTemplatized?: Maybe<boolean>;
  readonly host?: Maybe<string>;
  readonly commandPath?: Maybe<string>;
  readonly connectorId?: Maybe<string>;
  readonly isDefault?: Maybe<boolean>;
  readonly usageScope?: Maybe<UsageScopeInput>;
}

export interface CreateSecretManagerInput {
  readonly secretManagerType: SecretManagerType;
  readonly customSecretManagerInput?: Maybe<CustomSecretManagerInput>;
}

export interface UpdateSecretManagerInput {
  readonly secretManagerId: string;
  readonly secretManagerType: SecretManagerType;
  readonly customSecretManagerInput?: Maybe<
    Omit<CustomSecretManagerInput, 'isDefault'> & { readonly uuid?: Maybe<string> }
  >;
}

// Secrets.

export type FirstGenSecretType = 'ENCRYPTED_TEXT' | 'ENCRYPTED_FILE' | 'WINRM_CREDENTIAL' | 'SSH_CREDENTIAL';

interface SecretFacts {
  readonly id: string;
  readonly name: string;
  readonly usageScope: UsageScope;
}

export type FirstGenSecret =
  | (SecretFacts & {
      readonly secretType: 'ENCRYPTED_TEXT' | 'ENCRYPTED_FILE';
      readonly secretManagerId: string;
      readonly scopedToAccount: boolean;
      readonly inheritScopesFromSM: boolean;
    })
  | (SecretFacts & {
      readonly secretType: 'SSH_CREDENTIAL';
      readonly sshAuthentication: SshAuthentication;
    });

export interface SshAuthentication {
  readonly userName: string;
  readonly port: number;
  readonly method:
    | {
        readonly type: 'SSH_KEY';
        readonly sshKeySecretFileId: string;
        readonly passphraseSecretId: string | undefined;
      }
    | {
        readonly type: 'SSH_KEY_FILE_PATH';
        readonly path: string;
        readonly passphraseSecretId: string | undefined;
      }
    | { readonly type: 'PASSWORD'; readonly passwordSecretId: string };
}

interface SecretScopesInput {
  readonly usageScope?: Maybe<UsageScopeInput>;
  readonly scopedToAccount?: Maybe<boolean>;
  readonly inheritScopesFromSM?: Maybe<boolean>;
}

export interface UpdateEncryptedText extends SecretScopesInput {
  readonly name?: Maybe<string>;
  readonly value?: Maybe<string>;
  readonly secretReference?: Maybe<string>;
  readonly parameters?: Maybe<readonly Maybe<NameAndValue>[]>;
}

export interface EncryptedTextInput extends UpdateEncryptedText {
  readonly secretManagerId?: Maybe<string>;
  readonly name: string;
}

export interface EncryptedFileInput extends SecretScopesInput {
  readonly secretManagerId?: Maybe<string>;
  readonly name: string;
}

export interface UpdateSshCredential {
  readonly name?: Maybe<string>;
  readonly authenticationScheme?: Maybe<'SSH' | 'KERBEROS'>;
  readonly sshAuthentication?: Maybe<{
    readonly userName: string;
    readonly port: number;
    readonly sshAuthenticationMethod: {
      readonly sshCredentialType: 'SSH_KEY' | 'SSH_KEY_FILE_PATH' | 'PASSWORD';
      readonly inlineSSHKey?: Maybe<{ sshKeySecretFileId: string; passphraseSecretId?: Maybe<string> }>;
      readonly sshKeyFile?: Maybe<{ path: string; passphraseSecretId?: Maybe<string> }>;
      readonly serverPassword?: Maybe<{ passwordSecretId: string }>;
    };
  }>;
  /** Kerberos is not supported: what is inside is not read. */
  readonly kerberosAuthentication?: Maybe<object>;
  readonly usageScope?: Maybe<UsageScopeInput>;
}

export interface SshCredentialInput extends UpdateSshCredential {
  readonly name: string;
  readonly authenticationScheme: 'SSH' | 'KERBEROS';
}

export interface CreateSecretInput {
  readonly secretType: FirstGenSecretType;
  readonly encryptedText?: Maybe<EncryptedTextInput>;
  readonly encryptedFile?: Maybe<EncryptedFileInput>;
  readonly sshCredential?: Maybe<SshCredentialInput>;
  /** WinRM is not supported: what is inside is not read. */
  readonly winRMCredential?: Maybe<object>;
}

export interface UpdateSecretInput {
  readonly secretId: string;
  readonly secretType: FirstGenSecretType;
  readonly encryptedText?: Maybe<UpdateEncryptedText>;
  readonly encryptedFile?: Maybe<EncryptedFileInput>;
  readonly sshCredential?: Maybe<UpdateSshCredential>;
  readonly winRMCredential?: Maybe<object>;
}

// Templates and delegates.

export interface FirstGenTemplate {
  readonly uuid: string;
  readonly name: string;
  /** Which version it is, counted from 1: the number of the stable one. */
  readonly version: number;
}

export type DelegateStatus = 'ENABLED' | 'WAITING_FOR_APPROVAL' | 'DELETED';

/** A delegate name that has ever connected, whoever asks: FirstGen's fields and ours. */
export interface DelegateView {
  readonly uuid: string;
  readonly name: string;
  /** Whom it serves. */
  readonly scope: Scope;
  readonly status: DelegateStatus;
  readonly hostName: string;
  readonly tags: readonly string[];
  readonly version: string;
  /** ISO 8601: the last sign of life, as far as it is known. */
  readonly lastHeartbeat: string;
  /** The instances that are connected now; none: it is disconnected. */
  readonly instances: readonly {
    readonly instance: string;
    readonly state: 'connected' | 'draining';
    readonly version: string;
    /** Over long polls, not a websocket. */
    readonly polls?: boolean;
    readonly since: string;
    readonly hostName: string;
    readonly lastHeartbeat: string;
    readonly running: number;
    readonly capacity: number;
  }[];
  /** When an operator drained it, ISO 8601. */
  readonly drainedAt: string | undefined;
  readonly includeScopes: readonly DelegateScope[];
  readonly excludeScopes: readonly DelegateScope[];
}

export interface DelegateScope {
  readonly uuid: string;
  readonly name: string;
  /** One of the schema's `TaskGroup`. */
  readonly taskTypes: readonly string[];
  readonly environmentTypes: readonly ('PROD' | 'NON_PROD')[];
  readonly applications: readonly string[];
  readonly environments: readonly string[];
  readonly services: readonly string[];
  readonly infrastructureDefinitions: readonly string[];
}
