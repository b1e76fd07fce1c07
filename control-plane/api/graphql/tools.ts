/** What the GraphQL API needs of the rest: the application's operations, each for one caller. */
import type { PublicKey } from '../../../protocol/index.ts';
import type { DispatchEvent } from '../../dispatch/dispatcher.ts';
import type { Connector, Secret } from '../../domain/entities.ts';
import type { Caller } from '../../domain/permissions.ts';
import type { Reference } from '../../domain/reference.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Explanation } from '../../explain.ts';
import type { Consumer } from '../../fetch-secret.ts';
import type { DelegateStatus, DelegateView, Listing, Page } from '../../first-gen/model.ts';
import type { FirstGenOperations } from '../../first-gen/operations.ts';

/** Our own operations. References are absolute: GraphQL has resolved them. What is not visible is not found. */
export interface NativeOperations {
  listDelegates(
    caller: Caller,
    accepts: (delegate: { readonly name: string; readonly status: DelegateStatus }) => boolean,
    page: Page,
  ): Promise<Listing<DelegateView>>;
  /** The templates of exactly this scope; `search`: part of a name or identifier, in any case. By identifier. */
  listTemplates(
    caller: Caller,
    scope: Scope,
    search: string | undefined,
    page: Page,
  ): Promise<Listing<TemplateView>>;
  findTemplate(caller: Caller, reference: Reference): Promise<TemplateView>;
  /** Latest first. */
  listTemplateVersions(caller: Caller, reference: Reference): Promise<readonly TemplateVersionView[]>;
  listConnectors(caller: Caller, scope: Scope, page: Page): Promise<Listing<ConnectorView>>;
  findConnector(caller: Caller, reference: Reference): Promise<ConnectorView>;
  listSecrets(caller: Caller, scope: Scope, page: Page): Promise<Listing<SecretView>>;
  findSecret(caller: Caller, reference: Reference): Promise<SecretView>;
  explainSecret(caller: Caller, reference: Reference): Promise<Explanation>;
  /** Throws where it can't be begun; after that a failure is the last event. */
  fetchSecret(
    caller: Caller,
    request: {
      readonly secret: Reference;
      readonly consumer: Consumer | undefined;
      /** The value is sealed to it. */
      readonly recipient: PublicKey;
      readonly fresh: boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<AsyncGenerator<DispatchEvent, void, void>>;
  /** With `log` events, redacted. Nobody can open its `value` events. */
  testConnector(
    caller: Caller,
    connector: Reference,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<DispatchEvent, void, void>>;
}

export type GraphqlTools = FirstGenOperations & NativeOperations;

interface Times {
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface TemplateView extends Reference {
  readonly uuid: string;
  /** Of the stable version. */
  readonly name: string;
  readonly stableVersion: string;
  readonly createdAt: string;
}

export interface TemplateVersionView extends Times {
  readonly versionLabel: string;
  readonly name: string;
  readonly stable: boolean;
  readonly script: string;
  readonly contentDigest: string;
  readonly programDigest: string;
  readonly document: unknown;
}

export type ConnectorView = Times &
  Pick<
    Connector,
    | keyof Reference
    | 'uuid'
    | 'generation'
    | 'name'
    | 'template'
    | 'selectors'
    | 'timeoutSeconds'
    | 'workingDirectory'
    | 'target'
    | 'usageScope'
    | 'document'
  > & {
    /** The template version has another content than the one that the connector was last checked against. */
    readonly drifted: boolean;
  };

export type SecretView = Times &
  Pick<
    Secret,
    keyof Reference | 'uuid' | 'generation' | 'type' | 'name' | 'connector' | 'usageScope' | 'document'
  >;
