/** What the control plane's stories work with: a real store, key ring and audit trail; the test plays the delegates. */
import assert from 'node:assert/strict';
import { ApiKeys } from '../../control-plane/access/api-keys.ts';
import { DelegateIssuers } from '../../control-plane/access/delegate-issuers.ts';
import { DelegateTokens } from '../../control-plane/access/delegate-tokens.ts';
import { RateLimits } from '../../control-plane/access/rate-limits.ts';
import type { TokenSession } from '../../control-plane/access/token-sessions.ts';
import { type Applied, applyDocuments } from '../../control-plane/apply.ts';
import { type Audit, createAudit } from '../../control-plane/audit/audit.ts';
import type { DispatchEvent, DispatchRequest } from '../../control-plane/dispatch/dispatcher.ts';
import { Roster } from '../../control-plane/dispatch/roster.ts';
import { RequestError } from '../../control-plane/domain/errors.ts';
import type { Caller, Grant } from '../../control-plane/domain/permissions.ts';
import { type Encryption, openEncryption } from '../../control-plane/encryption/encryption.ts';
import type { Database } from '../../control-plane/store/database.ts';
import type { Compile } from '../../control-plane/template/compile.ts';
import { sealValue } from '../../protocol/index.ts';
import { anyCompile } from './compile.ts';
import { someTime } from './database.ts';
import { FakeClock } from './fake-clock.ts';

/** What stands in for the dispatcher: a test says what happens. */
export type Play = (request: DispatchRequest) => AsyncGenerator<DispatchEvent, void, void>;

/** Somebody with these grants; without any, the administrator. */
export const someCaller = (...grants: Grant[]): Caller => ({
  keyId: 'key-1',
  name: 'somebody',
  grants: grants.length > 0 ? grants : [{ role: 'admin', scope: 'account' }],
  source: '127.0.0.1',
});

export interface Tools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly audit: Audit;
  readonly keys: ApiKeys;
  /** None. */
  readonly limits: RateLimits;
  readonly tokens: DelegateTokens;
  readonly issuers: DelegateIssuers;
  /** The connections of delegates, as the tokens see them. */
  readonly sessions: TokenSession[];
  readonly clock: FakeClock;
  readonly roster: Roster;
  readonly compile: Compile;
  readonly now: () => string;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  /** What the fetches were noted as. */
  readonly notes: Readonly<Record<string, unknown>>[];
  readonly dispatch: Play;
  /** What a fetch is answered with. At first every script delivers the text `value`. */
  play: Play;
  /** Applies YAML without connection tests. */
  apply(yaml: string, options?: ApplyOptions): Promise<Applied[]>;
  /** The records of the audit trail, the oldest first. */
  trail(): Promise<Record<string, unknown>[]>;
}

/** The error with which something is refused. */
export async function refusalOf(act: Promise<unknown>): Promise<RequestError> {
  try {
    await act;
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  return assert.fail('nothing was refused');
}

export interface ApplyOptions {
  readonly caller?: Caller;
  readonly accept?: boolean;
  readonly dryRun?: boolean;
  /** Run the connection tests; by default they are skipped. */
  readonly tests?: boolean;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** The tools over a store. */
export async function toolsFor(database: Database, compile: Compile = anyCompile): Promise<Tools> {
  const key = Buffer.alloc(32, 7);
  const now = () => someTime;
  const clock = new FakeClock();
  const ring = Buffer.alloc(32, 9).toString('base64');
  const encryption = await openEncryption(database, { kind: 'environment', text: ring }, clock);
  const notes: Readonly<Record<string, unknown>>[] = [];
  const sessions: TokenSession[] = [];
  const self: Tools = {
    database,
    encryption,
    audit: await createAudit({ database, key, now }),
    keys: new ApiKeys({
      database,
      now,
      failed: error => {
        throw error;
      },
    }),
    limits: new RateLimits({ perKey: 0, perAddress: 0, clock, note: () => {} }),
    tokens: new DelegateTokens({
      database,
      clock,
      now,
      sessions: () => sessions,
      audited: (_token, _address, work) => work(),
      failed: error => {
        throw error;
      },
    }),
    issuers: new DelegateIssuers({
      database,
      clock,
      now,
      sessions: () => [],
      note: facts => void notes.push(facts),
      failed: error => {
        throw error;
      },
    }),
    sessions,
    clock,
    roster: new Roster(),
    compile,
    now,
    notes,
    note: facts => void notes.push(facts),
    dispatch: request => self.play(request),
    play: delivering('value'),
    apply: (
      yaml,
      { caller = someCaller(), accept = false, dryRun = false, tests = false, files = {} } = {},
    ) =>
      applyDocuments(self, {
        sources: [
          {
            name: 'x.yaml',
            text: yaml,
            files: new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data)])),
          },
        ],
        dryRun,
        accept,
        skipTests: !tests,
        caller,
        signal: new AbortController().signal,
      }),
    async trail() {
      const rows = await database.selectFrom('audit').select('record').orderBy('seq').execute();
      return rows.map(({ record }) => JSON.parse(record));
    },
  };
  return self;
}

/** A delegate on which every script delivers this value. */
export function delivering(value: string): Play {
  return async function* ({ recipient }) {
    const id = { task: 'task-1', attempt: 1 };
    yield { event: 'accepted', ...id, delegate: 'edge' };
    for await (const chunk of sealValue(Buffer.from(value), recipient, id))
      yield { event: 'value', ...id, ...chunk };
    yield { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 };
  };
}

/** A delegate on which every script fails. */
export const failing: Play = async function* () {
  yield {
    event: 'failed',
    task: 'task-1',
    attempt: 1,
    delegate: 'edge',
    failure: { reason: 'script-failed', exitCode: 3, stderrTail: 'no such entry\n' },
  };
};
