import {
  type Attempt,
  type Link,
  type LinkReport,
  linkId,
  type SealedParts,
} from '../../control-plane/dispatch/link.ts';
import { tagSet } from '../../control-plane/domain/selectors.ts';
import type { Task } from '../../protocol/index.ts';

const publicKey: Link['publicKey'] = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) };

/** What a test says in the place of a delegate; the identity of the attempt is filled in. */
export type Says =
  | { readonly type: 'accepted' }
  | {
      readonly type: 'rejected';
      readonly why: 'at-capacity' | 'draining' | 'duplicate' | 'refused';
      detail?: string;
    }
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'value'; readonly seq: number; readonly final: boolean; readonly sealed: string }
  | {
      readonly type: 'succeeded';
      readonly chunks: number;
      readonly durationMs: number;
      readonly ageMs?: number;
    }
  | (Omit<Extract<LinkReport, { type: 'failed' }>, 'task' | 'attempt'> & { readonly type: 'failed' })
  | { readonly type: 'lost'; readonly why: string };

/** One attempt as the delegate sees it. */
export class FakeAttempt implements Attempt {
  readonly task: Task;
  cancelled = false;
  /** What the task would be sent with; undefined where nothing of it is sealed. */
  sealing: Promise<SealedParts> | undefined;
  readonly #reports: LinkReport[] = [];
  readonly #onEnd: () => void;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(task: Task, onEnd: () => void) {
    this.task = task;
    this.#onEnd = onEnd;
  }

  say(...reports: Says[]): this {
    for (const report of reports) {
      const { task, attempt } = this.task;
      this.#reports.push(report.type === 'lost' ? report : { ...report, task, attempt });
      if (/^(rejected|succeeded|failed|lost)$/.test(report.type)) this.end();
    }
    this.#wake?.();
    return this;
  }

  /** It has ended over there, whether anybody hears of it or not. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }

  async next(): Promise<LinkReport> {
    for (;;) {
      const report = this.#reports.shift();
      if (report) return report;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  close(): void {
    if (!this.#ended) this.cancelled = true;
  }
}

export interface FakeLinkOptions {
  readonly name?: string;
  readonly instance?: string;
  readonly tags?: readonly string[];
  readonly capacity?: number;
  readonly shells?: readonly string[];
  readonly features?: readonly string[];
  readonly targets?: readonly string[];
  readonly draining?: boolean;
  readonly scope?: Link['scope'];
  readonly publicKey?: Link['publicKey'];
  /** Places that are taken by something else. */
  readonly busy?: number;
  /** What it does with every attempt, at once. */
  readonly onStart?: (attempt: FakeAttempt) => void;
}

/** A delegate that a test plays: it sees the attempts and says what the script of the test wants. */
export class FakeLink implements Link {
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  readonly scope: Link['scope'];
  readonly hostName = '';
  readonly agentVersion = '0';
  readonly tags: readonly string[];
  readonly tagSet: ReadonlySet<string>;
  readonly capacity: number;
  readonly shells: readonly string[];
  readonly features: readonly string[];
  readonly targets: readonly string[];
  readonly publicKey: Link['publicKey'];
  readonly connectedAt = '2024-05-06T07:08:09.000Z';
  readonly lastHeartbeatAt = '2024-05-06T07:08:19.000Z';
  readonly attempts: FakeAttempt[] = [];
  draining: boolean;
  busy: number;
  readonly #onStart: (attempt: FakeAttempt) => void;
  #seen = 0;
  #wake: (() => void) | undefined;

  constructor(options: FakeLinkOptions = {}) {
    this.name = options.name ?? 'edge';
    this.instance = options.instance ?? `instance-of-${this.name}`;
    this.id = linkId(this.name, this.instance);
    this.scope = options.scope ?? 'account';
    this.publicKey = options.publicKey ?? publicKey;
    this.tags = options.tags ?? [];
    this.tagSet = tagSet(this);
    this.capacity = options.capacity ?? 1;
    this.shells = options.shells ?? ['bash'];
    this.features = options.features ?? ['pick'];
    this.targets = options.targets ?? ['host'];
    this.draining = options.draining ?? false;
    this.busy = options.busy ?? 0;
    this.#onStart = options.onStart ?? (() => {});
  }

  get running(): number {
    return this.busy;
  }

  start(task: Task, sealing?: Promise<SealedParts>): FakeAttempt {
    this.busy += 1;
    const attempt = new FakeAttempt(task, () => {
      this.busy -= 1;
    });
    if (sealing) attempt.sealing = sealing;
    this.attempts.push(attempt);
    this.#onStart(attempt);
    this.#wake?.();
    return attempt;
  }

  /** The credentials that it was told to forget. */
  readonly forgotten: string[] = [];

  forget(credential: string): void {
    this.forgotten.push(credential);
  }

  /** The next attempt that is started here, or has been and was not asked for yet. */
  async started(): Promise<FakeAttempt> {
    for (;;) {
      const attempt = this.attempts[this.#seen];
      if (attempt) {
        this.#seen += 1;
        return attempt;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
