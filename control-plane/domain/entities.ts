/** The entities as the control plane works with them. Their documents hold the rest. */
import type { Expression, ExpressionSyntax } from './expression.ts';
import type { DeclaredInput, GivenInput } from './inputs.ts';
import type { Reference } from './reference.ts';
import type { Scope } from './scope.ts';
import type { SelectorSyntax } from './selectors.ts';

/** A script that was compiled when its template was saved: a constant, whatever the inputs are. */
export interface Program {
  readonly text: string;
  /** `sha256:` and 64 hex digits of the text. */
  readonly digest: string;
  /** What it refers to; the value of number i arrives in the shell variable with number i + 1. */
  readonly slots: readonly Expression[];
}

/** What a template version does: everything that a connector pins when it names the version. */
export interface TemplateContent {
  readonly syntax: ExpressionSyntax;
  readonly script: string;
  readonly inputs: readonly DeclaredInput[];
  readonly program: Program;
  /** The document's whole `spec`, for expressions that name another field of it. */
  readonly spec: unknown;
}

/** One version of a template. */
export interface TemplateVersion extends Reference {
  readonly versionLabel: string;
  readonly name: string;
  readonly content: TemplateContent;
  /** The whole document, unknown fields included. */
  readonly document: unknown;
}

/** Who made an entity, and by whose rules it is read. */
export type Generation = 'NG' | 'FirstGen';

/** Applications and environments of callers that may use an entity; empty: no restriction. */
export type UsageScope = readonly {
  readonly application: { readonly filterType: 'ALL' } | { readonly appId: string };
  readonly environment:
    | { readonly filterType: 'PRODUCTION_ENVIRONMENTS' | 'NON_PRODUCTION_ENVIRONMENTS' }
    | { readonly envId: string };
}[];

/** Where a connector runs its script: on the delegate, or on a host that the delegate reaches. */
export type Target =
  | { readonly kind: 'delegate' }
  | (TargetHop & {
      readonly kind: 'host';
      /** Algorithms that are not considered safe any more, for hosts that know no others. */
      readonly legacyAlgorithms?: boolean;
      /** Hosts on the way, the first one first. */
      readonly jumps?: readonly TargetHop[];
    });

export interface TargetHop {
  readonly host: string;
  /** An SSHKey secret. Undefined where each secret names it (FirstGen's `isConnectorTemplatized`). */
  readonly credential: Reference | undefined;
  /** Instead of a secret: what only the delegate holds, by its name there. */
  readonly delegateCredential?: DelegateCredential;
  /** `SHA256:…` of the keys that the host may show; none: the delegate's own list decides. */
  readonly hostKeys?: readonly string[];
}

export interface DelegateCredential {
  readonly name: string;
  readonly userName: string;
  readonly port: number;
}

/** A custom secret manager. */
export interface Connector extends Reference {
  /** Opaque and unchanging; FirstGen's id. */
  readonly uuid: string;
  readonly generation: Generation;
  readonly name: string;
  readonly template: Reference & { readonly versionLabel: string };
  readonly inputs: readonly GivenInput[];
  readonly selectors: readonly string[];
  /** Left out: each selector is a tag. An extension of ours. */
  readonly selectorSyntax?: SelectorSyntax;
  /** Whole time of a fetch, in seconds. */
  readonly timeoutSeconds: number;
  readonly workingDirectory: string | undefined;
  readonly target: Target;
  /** Save without running the script. */
  readonly ignoreTest: boolean;
  /** Its script may use secrets of other custom managers, too. An extension of ours. */
  readonly allowOtherManagers: boolean;
  /** How long a delegate may give a value again, in seconds from the fetch; 0: not. An extension of ours. */
  readonly cacheTtlSeconds: number;
  readonly usageScope: UsageScope;
  readonly document: unknown;
}

export type SecretType = 'SecretText' | 'SecretFile' | 'SSHKey';

/** How to log in to a host: what an SSHKey secret holds. The keys and passwords are secrets of their own. */
export type SshCredential =
  | {
      readonly kind: 'KeyReference';
      readonly userName: string;
      readonly port: number;
      readonly key: Reference;
      readonly passphrase: Reference | undefined;
      /** Ours: an OpenSSH user certificate for the key. */
      readonly certificate?: Reference | undefined;
    }
  | {
      readonly kind: 'KeyPath';
      readonly userName: string;
      readonly port: number;
      /** On the delegate. */
      readonly keyPath: string;
      readonly passphrase: Reference | undefined;
    }
  | {
      readonly kind: 'Password';
      readonly userName: string;
      readonly port: number;
      readonly password: Reference;
    }
  | { readonly kind: 'Kerberos'; readonly principal: string; readonly realm: string };

/** A secret: a reference to a value in a store, or, in the built-in manager, a value that is kept encrypted. */
export interface Secret extends Reference {
  readonly uuid: string;
  readonly generation: Generation;
  readonly type: SecretType;
  readonly name: string;
  /** Undefined: the built-in secret manager. */
  readonly connector: Reference | undefined;
  readonly inputs: readonly GivenInput[];
  /** The value is what this key holds in the JSON object that the script yields. An extension of ours. */
  readonly key?: string | undefined;
  /** SSHKey only. */
  readonly ssh: SshCredential | undefined;
  readonly usageScope: UsageScope;
  /** FirstGen: use the manager's usage scope. */
  readonly inheritScopes: boolean;
  /** Never holds a value of the built-in manager. */
  readonly document: unknown;
}

/** A value that a program's slot gets, and where it came from. */
export interface PlannedInput {
  /** What it is in the template, as in `environmentVariables.path` or an expression. For people. */
  readonly label: string;
  readonly value: string;
  /** It is, or holds, a secret's value: it is sealed to the delegate and shown nowhere. */
  readonly secret: boolean;
}

/** A host with what to log in with: the opened credential, which is sealed to the delegate. */
export interface PlannedHop {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly credential:
    | {
        readonly kind: 'open';
        readonly opened: HostCredential;
        /** The SSHKey secret's, by which delegates are told to forget it. */
        readonly id: string;
      }
    | { readonly kind: 'delegate'; readonly name: string };
  readonly hostKeys: readonly string[];
}

/** As in the protocol: domain files import nothing, so it is written out. */
export type HostCredential =
  | {
      readonly kind: 'key';
      readonly privateKey: string;
      readonly passphrase?: string;
      readonly certificate?: string;
    }
  | { readonly kind: 'keyPath'; readonly path: string; readonly passphrase?: string }
  | { readonly kind: 'password'; readonly password: string };

export interface PlannedTarget extends PlannedHop {
  readonly legacyAlgorithms: boolean;
  readonly jumps: readonly PlannedHop[];
}

/** Everything that is needed to run a fetch, resolved once; nothing later asks the store what to run. */
export interface Plan {
  /** Absolute references; the template's has its version behind an @. */
  readonly subject: { readonly secret: string; readonly connector: string; readonly template: string };
  /** The connector's scope: it decides which delegates may run the task. */
  readonly owner: Scope;
  readonly program: { readonly text: string; readonly digest: string };
  /** The values of the program's slots, in its order. */
  readonly inputs: readonly PlannedInput[];
  readonly workingDirectory: string | undefined;
  /** Left out: on the delegate itself. */
  readonly target?: PlannedTarget;
  readonly selectors: readonly string[];
  /** Left out: each selector is a tag. */
  readonly selectorSyntax?: SelectorSyntax;
  readonly timeoutMs: number;
  /** Other fetches that would run the same thing may have the same run; left out: it runs for this one alone. */
  readonly share?: {
    /** Another one with every change of the connector or of what it pins. */
    readonly version: string;
    /** How long its value may be given again, from the run's beginning. */
    readonly ttlMs: number;
    /** Nothing that was begun earlier will do. */
    readonly fresh?: boolean;
  };
  /** The value is what this key holds in the JSON object that the script yields. */
  readonly pick?: string;
}
