/**
 * Events of delegates on the trail. They are no requests, so nobody waits for them: one that can't be written is told
 * to the log. Bounded: whoever comes again and again must not fill the trail.
 */
import type { Clock } from '../../protocol/index.ts';
import { newUuid } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Recorder } from './audit.ts';
import type { AuditEntry, Detail } from './record.ts';

/** What it was let in with; `until`: a JWT, so that its issuer is who vouches for it. */
interface Shown {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly until?: string;
}

/** As the gateway tells it. */
export interface TrailEvent {
  readonly kind: string;
  readonly token: Shown | undefined;
  readonly delegate: string | undefined;
  readonly instance?: string;
  readonly agentVersion?: string;
  readonly address: string | undefined;
  readonly reason?: string;
}

export interface DelegateTrailTools {
  readonly audit: Recorder;
  readonly clock: Clock;
  /** A record could not be written. */
  readonly failed: (error: unknown) => void;
}

/** Of what is the same so many are recorded in a minute, and then how many more there were. */
const mostOfOne = { refused: 1, other: 20 };
const windowMs = 60_000;
/** Of so many different things; of what is more only the number is kept. */
const mostKinds = 5_000;
const others = 'others';

interface Window {
  seen: number;
  /** Those that were not recorded. */
  more: number;
  last: TrailEvent;
  readonly stop: () => void;
}

export class DelegateTrail {
  readonly #tools: DelegateTrailTools;
  readonly #windows = new Map<string, Window>();
  readonly #writing = new Set<Promise<void>>();

  constructor(tools: DelegateTrailTools) {
    this.#tools = tools;
  }

  add(event: TrailEvent): void {
    const key = this.#keyOf(event);
    const known = this.#windows.get(key);
    const most = event.kind === 'refused' ? mostOfOne.refused : mostOfOne.other;
    if (known && known.seen >= most) {
      known.more += 1;
      known.last = event;
      return;
    }
    if (known) known.seen += 1;
    else this.#open(key, event);
    this.#write(event);
  }

  /** Records what was only counted. Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    for (const [key, window] of this.#windows) {
      window.stop();
      this.#end(key, window);
    }
    while (this.#writing.size > 0) await Promise.all(this.#writing);
  }

  #keyOf({ kind, token, delegate, address, reason }: TrailEvent): string {
    // Whoever is refused says what it likes of itself: what counts is where it comes from, or with what.
    const who = kind === 'refused' ? (token?.name ?? address) : delegate;
    const key = JSON.stringify([kind, who, reason]);
    return this.#windows.has(key) || this.#windows.size < mostKinds ? key : others;
  }

  #open(key: string, event: TrailEvent): void {
    const stop = this.#tools.clock.after(windowMs, () => this.#end(key, window));
    const window: Window = { seen: 1, more: 0, last: event, stop };
    this.#windows.set(key, window);
  }

  #end(key: string, { more, last }: Window): void {
    this.#windows.delete(key);
    if (more > 0) this.#write(last, more);
  }

  #write(event: TrailEvent, count?: number): void {
    const { audit, failed } = this.#tools;
    const writing = audit
      .record(entryOf(event, count))
      .catch(failed)
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }
}

const kindOf = ({ until }: Shown) => (until === undefined ? 'delegate-token' : 'delegate-issuer');

function entryOf(event: TrailEvent, count: number | undefined): AuditEntry {
  const { kind, token, delegate, instance, agentVersion, address, reason } = event;
  const details: Record<string, Detail> = {
    ...(instance === undefined ? {} : { instance }),
    ...(agentVersion === undefined ? {} : { agentVersion }),
    ...(count === undefined ? {} : { more: count }),
  };
  return {
    type: 'event',
    id: newUuid(),
    actor: token ? { id: token.id, name: `${kindOf(token)}/${token.name}` } : { id: '', name: 'unknown' },
    source: address ?? '',
    action: `delegate.${kind}`,
    ...(delegate === undefined ? {} : { subject: `delegate/${delegate}`, delegate }),
    ...(token ? { scope: token.scope } : {}),
    ...(kind === 'refused' ? { outcome: 'denied' as const } : {}),
    ...(reason === undefined ? {} : { reason }),
    details,
  };
}
