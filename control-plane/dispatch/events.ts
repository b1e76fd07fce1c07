/** What dispatch is asked, and what it tells. */
import type { Failure, PublicKey, SealedChunk } from '../../protocol/index.ts';
import type { Span } from '../../protocol/tracing.ts';
import type { Plan } from '../domain/entities.ts';
import type { Scope } from '../domain/scope.ts';
import type { MayKnow, WhyNot } from './why-not.ts';

/** What happens on the way of one fetch. The last one is `succeeded` or `failed`. */
export type DispatchEvent =
  | { readonly event: 'accepted'; readonly task: string; readonly attempt: number; readonly delegate: string }
  | { readonly event: 'log'; readonly text: string }
  | ({ readonly event: 'value'; readonly task: string; readonly attempt: number } & SealedChunk)
  | {
      readonly event: 'succeeded';
      readonly task: string;
      readonly attempt: number;
      readonly delegate: string;
      /** The script's own time on the delegate; 0 where it did not run for this fetch. */
      readonly durationMs: number;
      /** The value was had for another fetch, so many milliseconds ago. */
      readonly ageMs?: number;
    }
  | {
      readonly event: 'failed';
      readonly task: string;
      readonly attempt: number;
      readonly delegate?: string;
      readonly failure: Failure;
      /** Per delegate, why it could not take the task; when that is what failed. */
      readonly delegates?: readonly WhyNot[];
      /** So many more are not listed; those that are came nearest. */
      readonly delegatesLeftOut?: number;
      /** Where none fits: the delegate whose tags lack least, and what. */
      readonly nearestMiss?: string;
    };

export interface DispatchRequest {
  readonly plan: Plan;
  readonly recipient: PublicKey;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
  /** Send the script's error output along. */
  readonly logs: boolean;
  /** Send it while the script runs: for a connection test. */
  readonly liveLogs?: boolean;
  /**
   * Also ask delegates that are passed over for their failures: for a connection test, with which a person sees
   * whether it works again.
   */
  readonly evenHeld?: boolean;
  /** How long a delegate is waited for where none fits, within the plan's time; left out: not at all. */
  readonly waitMs?: number;
  /** Whose turn it takes where many wait; left out: the connector's scope. */
  readonly scope?: Scope;
  /** Of which delegates that don't serve the connector's scope the caller may hear; left out: of all. */
  readonly mayKnow?: MayKnow;
  /** The part of a trace that the attempts belong to. */
  readonly span?: Span;
}
