/**
 * What dispatch needs of a connected delegate, and nothing of how it is connected: today a websocket of this
 * process, with several replicas a request to the one that holds it.
 */
import type { PublicKey, Report, Task, TaskIdentity, Transport } from '../../protocol/index.ts';
import type { Scope } from '../domain/scope.ts';

/** A delegate's word about one attempt, or the fact that the delegate is gone. */
export type LinkReport = Report | { readonly type: 'lost'; readonly why: string };

/** One attempt on one delegate. */
export interface Attempt {
  /** The next report. It never rejects; after an end (`succeeded`, `failed`, `rejected`, `lost`) there is none. */
  next(): Promise<LinkReport>;
  /** Forgets the attempt; where it has not ended, the delegate is told to cancel it. */
  close(): void;
}

/** The parts of a task that may hold something sealed. */
export type SealedParts = Pick<Task, 'inputs' | 'target'>;

/** What a delegate has shown of itself besides its token. */
export interface ClientCertificate {
  /** As in `CN=edge-1, O=Example`. */
  readonly subject: string;
  /** SHA-256, as in `AB:CD:…`. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly endsAt: string;
  /** Why it does not count; undefined: it does. */
  readonly problem?: string;
}

export interface Link {
  /** Name and instance: a delegate says its instance itself, and can't stand in for one of another name. */
  readonly id: string;
  readonly instance: string;
  readonly name: string;
  /** Whom it serves: the scope of its token, and everything below it. */
  readonly scope: Scope;
  readonly hostName: string;
  readonly agentVersion: string;
  /** As the delegate gave them. */
  readonly tags: readonly string[];
  /** Its explicit and implicit tags, as they are compared. */
  readonly tagSet: ReadonlySet<string>;
  readonly capacity: number;
  readonly shells: readonly string[];
  /** What it can do beyond what every agent of its protocol version does. */
  readonly features: readonly string[];
  /** Where else than on itself it runs scripts. */
  readonly targets: readonly string[];
  readonly publicKey: PublicKey;
  /** How it is connected; left out where nobody knows. */
  readonly transport?: Transport;
  /** Undefined: none was shown, or none was asked for. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** ISO 8601. */
  readonly connectedAt: string;
  /** Its last heartbeat, or before there was one the time it connected; ISO 8601. */
  readonly lastHeartbeatAt: string;
  /** It takes no more tasks. */
  readonly draining: boolean;
  /** Attempts that have not ended. */
  readonly running: number;
  /**
   * Takes one of its places at once. `sealing` is what has to be sealed to its key first: the task is sent with
   * it as soon as it is there.
   */
  start(task: Task, sealing?: Promise<SealedParts>): Attempt;
  /** Tells it that a credential has changed, or is gone. */
  forget(credential: string): void;
}

export const linkId = (name: string, instance: string) => `${name}/${instance}`;

export type { TaskIdentity };
