/** What runs commands on hosts, whatever carries them: the parts that the runner and the transports share. */
import type { Readable, Writable } from 'node:stream';
import type { FailureReason, HostCredential, HostHop, HostTarget } from '../../protocol/index.ts';

/** What to log in with: opened, or only a name when nobody but this delegate holds it. */
export type LoginCredential = HostCredential | { readonly kind: 'delegate'; readonly name: string };

/** A host to log in to, ready to be used. */
export interface ResolvedHop extends Omit<HostHop, 'credential' | 'hostKeys'> {
  readonly credential: LoginCredential;
  /** What the control plane calls the credential. */
  readonly credentialId?: string;
  /** `SHA256:…` of the keys that it may show; empty: the delegate's own list decides. */
  readonly hostKeys: readonly string[];
}

/** A task's target with its credentials opened. */
export interface ResolvedTarget extends ResolvedHop, Pick<HostTarget, 'legacyAlgorithms'> {
  /** Hosts on the way, the first one first. */
  readonly jumps: readonly ResolvedHop[];
}

/** How a remote process ended. `lost`: nobody knows, and why: the connection broke before its end was told. */
export type RemoteExit =
  | { readonly exitCode: number }
  | { readonly signal: string }
  | { readonly lost: string };

/** A command that runs on a host. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Never rejects. Output may still be unread when it resolves; both streams end by themselves. */
  readonly exit: Promise<RemoteExit>;
  /** Closes the channel, which ends stdin, stdout and stderr. Calling it again is fine. */
  close(): void;
}

/** The right to run one command at a time over a connection that others may share. */
export interface HostLease {
  /**
   * Hands the command to the login shell of the host's user. Throws a `HostError`: `host-channel-refused` when
   * the host runs no command for us, or that of connecting where the connection has broken since.
   */
  start(command: string): Promise<RemoteProcess>;
  /** Gives it back, and closes what still runs. Calling it again is fine. */
  release(): void;
}

/** How long something may take, and who may call it off. */
export interface LeaseBounds {
  readonly remainingMs: number;
  readonly signal: AbortSignal;
}

/** The hosts that this delegate can log in to. */
export interface Hosts {
  /**
   * Logs in, or joins a connection that is there. `step` gets a line for each thing that was achieved, for
   * whoever tests a connector. Throws a `HostError`; when `signal` aborts, its reason.
   */
  lease(target: ResolvedTarget, bounds: LeaseBounds, step?: (line: string) => void): Promise<HostLease>;
  /** Closes the connections that were made with a credential: it was replaced or taken back. */
  forget(credential: LoginCredential): void;
  /** The same, for whatever came by this id. */
  forgetId(id: string): void;
  /** Closes all of them. */
  close(): Promise<void>;
}

/** Why a host could not be used. The message is told to users: it names hosts and keys, and never a credential. */
export class HostError extends Error {
  override readonly name = 'HostError';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
