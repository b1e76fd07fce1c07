import type { FailureReason } from '../../protocol/index.ts';
import type { Collected, ScriptRun } from '../script/bootstrap.ts';

/** How a run came to its end. */
export type End =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  /** We ended it. `forced`: something in its process tree ignored SIGTERM and had to be killed. */
  | { readonly kind: 'timed-out' | 'cancelled' | 'too-large'; readonly forced: boolean }
  /** The connection to its host broke while it ran. */
  | { readonly kind: 'lost'; readonly detail: string }
  | { readonly kind: 'not-started'; readonly reason: FailureReason; readonly detail: string };

/** What happened to the process of one run: facts, not yet an outcome. The same for every transport. */
export interface Execution {
  readonly end: End;
  readonly collected: Collected;
  /** The last bytes of the script's error output, as it wrote them: not redacted. */
  readonly stderr: Buffer;
  readonly durationMs: number;
}

/** What bounds a run from outside. */
export interface RunBounds {
  /** Milliseconds until the run is ended as timed out. */
  readonly remainingMs: number;
  /** Ends the run as cancelled. */
  readonly signal: AbortSignal;
  /** False: nobody reads the error output of a script that succeeds, so it need not be waited for. */
  readonly keepLog?: boolean;
  /** Called when the script is handed to a shell: what comes before is preparation. */
  readonly onBegin?: () => void;
}

/** What runs scripts, here or on a host. */
export interface Runner {
  /** Runs a script. `onErrorOutput` gets its error output while it runs, as it is written: not redacted. */
  run(run: ScriptRun, bounds: RunBounds, onErrorOutput?: (chunk: Buffer) => void): Promise<Execution>;
}
