/** THE STORY of `apply`: documents in; templates, connectors and secrets out; all of them or none. */

import { createHash } from 'node:crypto';
import { testsOnSave } from './account-settings.ts';
import {
  type ApplySource,
  collected,
  type Placed,
  type Problem,
  readDocuments,
  refusalOf,
} from './apply-documents.ts';
import { type Applied, write } from './apply-write.ts';
import type { Audit } from './audit/audit.ts';
import { audited } from './audit/audited.ts';
import { type AuditEntry, by } from './audit/record.ts';
import type { Roster } from './dispatch/roster.ts';
import { canonicalJson } from './domain/canonical-json.ts';
import type { Plan } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { account, type Scope } from './domain/scope.ts';
import type { Encryption } from './encryption/encryption.ts';
import { forgetCredentials } from './forget-credentials.ts';
import { resolvePlan, type Subject } from './resolve-plan.ts';
import { alone, nestedValue, type RunTools, testProblem, testRun } from './run-plan.ts';
import { type Database, waitForTurn } from './store/database.ts';
import { findSecret, referencesTurn } from './store/secrets.ts';
import { dropUnpinnedContents } from './store/templates.ts';
import type { Compile } from './template/compile.ts';

export interface ApplyTools extends RunTools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly compile: Compile;
  readonly audit: Audit;
  /** Delegates hear of logins that were changed. */
  readonly roster: Roster;
  readonly now: () => string;
}

export interface ApplyRequest {
  readonly sources: readonly ApplySource[];
  /** Check everything, the connection tests aside, and write nothing. */
  readonly dryRun: boolean;
  /** Move the connectors of a template version that changes. */
  readonly accept: boolean;
  /** Save connectors without testing them. */
  readonly skipTests: boolean;
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

/** Each value that is fetched for a script takes a round, and the tests one; more means that somebody changes things. */
const mostRounds = 200;

/** An end of a transaction that is to leave nothing behind. */
class RolledBack extends Error {}

/**
 * What can't be done while a transaction is open, which in SQLite keeps everybody else from the store: scripts to
 * be run, for a connection test or for a value that another script uses.
 */
class Interrupted extends Error {
  readonly tests: readonly Plan[];
  readonly nested: Plan | undefined;

  constructor(tests: readonly Plan[], nested?: Plan) {
    super();
    this.tests = tests;
    this.nested = nested;
  }
}

/** What has been run so far, by what was run. */
interface Known {
  readonly tested: Set<string>;
  readonly nested: Map<string, string>;
}

/** Applies all documents of all sources, or none: throws a `RequestError` with every problem that was found. */
export async function applyDocuments(tools: ApplyTools, request: ApplyRequest): Promise<Applied[]> {
  const { audit, clock } = tools;
  const { caller, dryRun, sources } = request;
  const details = { sources: sources.length, dryRun };
  return audited(audit, clock, { ...by(caller), action: 'documents.apply', details }, ({ id }) =>
    applyAll(tools, request, id),
  );
}

async function applyAll(tools: ApplyTools, request: ApplyRequest, id: string): Promise<Applied[]> {
  const problems: Problem[] = [];
  const placed = await readDocuments(request.sources, tools.compile, problems);
  const known: Known = { tested: new Set(), nested: new Map() };
  for (let round = 0; round < mostRounds; round += 1) {
    try {
      return await attempt(tools, request, id, placed, [...problems], known);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      await runOutside(tools, request, error, known);
    }
  }
  throw new RequestError(
    'INVALID_REQUEST',
    'what the connectors use keeps changing while they are tested; try again when it rests',
  );
}

/** Scripts are run while nothing is locked; then everything is looked at again, as it is by then. */
async function runOutside(
  tools: ApplyTools,
  request: ApplyRequest,
  { tests, nested }: Interrupted,
  known: Known,
): Promise<void> {
  if (nested) known.nested.set(keyOf(nested), await nestedValue(tools, alone(nested), request));
  const problems: string[] = [];
  for (const plan of tests) {
    const failure = await testRun(tools, plan, request);
    if (failure) problems.push(`connector ${plan.subject.connector}: ${testProblem(failure)}`);
    known.tested.add(keyOf(plan));
  }
  if (problems.length > 0) throw new RequestError('INVALID_REQUEST', problems);
}

async function attempt(
  tools: ApplyTools,
  { caller, dryRun, accept, skipTests }: ApplyRequest,
  id: string,
  placed: readonly Placed[],
  problems: Problem[],
  known: Known,
): Promise<Applied[]> {
  const applied: Applied[] = [];
  const scopes = new Map<Applied, Scope>();
  const places = new Map<string, string>();
  const fingerprints: Record<string, string> = {};
  const uses = new Map<string, readonly string[]>();
  try {
    await tools.database.transaction().execute(async database => {
      // One after the other: two that create the same thing would both not find it.
      await waitForTurn(database, referencesTurn);
      const noTests = skipTests || dryRun || !(await testsOnSave(database));
      const subjects: Subject[] = [];
      const writeTools = {
        ...tools,
        database,
        caller,
        accept,
        now: tools.now(),
        test: async (subject: Subject) => {
          if (!noTests) subjects.push(subject);
        },
        fingerprint: (name: string, value: Uint8Array) => {
          fingerprints[name] = tools.audit.fingerprint(value);
        },
        uses: (what: string, used: readonly Reference[]) =>
          void uses.set(what, [...new Set(used.map(formatReference))].sort()),
      };
      for (const item of placed) {
        const done = await collected(problems, item.where, () => write(writeTools, item));
        if (!done) continue;
        const key = `${done.kind} ${done.reference}`;
        const first = places.get(key);
        // The later one would win, and applying the same files again would never come to rest.
        if (first !== undefined)
          problems.push({ code: 'INVALID_REQUEST', text: `${item.where}: ${key} is in ${first} already` });
        places.set(key, item.where);
        applied.push(done);
        if ('scope' in item.entity) scopes.set(done, item.entity.scope);
      }
      if (problems.length > 0) throw refusalOf(problems);
      if (dryRun) throw new RolledBack();
      await assertTested({ ...tools, database }, subjects, known);
      await dropUnpinnedContents(database);
      await tools.audit.recordIn(database, changes(caller, id, applied, { scopes, fingerprints, uses }));
    });
    await tools.audit.flush();
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
    return applied;
  }
  for (const item of placed) {
    const secret = item.kind === 'secret' ? await findSecret(tools.database, item.entity) : undefined;
    if (secret) await forgetCredentials(tools.database, tools.roster, secret);
  }
  return applied;
}

/** Throws `Interrupted` while there are connectors whose test, as they are now, was not run. */
async function assertTested(tools: ApplyTools, subjects: readonly Subject[], known: Known): Promise<void> {
  const fetchNested = async (plan: Plan) => {
    const value = known.nested.get(keyOf(plan));
    if (value === undefined) throw new Interrupted([], plan);
    return value;
  };
  const plans: Plan[] = [];
  for (const subject of subjects) plans.push(await resolvePlan({ ...tools, fetchNested }, subject));
  const untested = plans.filter(plan => !known.tested.has(keyOf(plan)));
  if (untested.length > 0) throw new Interrupted(untested);
}

/** What is recorded of the changes, in the transaction that makes them. */
function changes(
  caller: Caller,
  id: string,
  applied: readonly Applied[],
  known: {
    readonly scopes: ReadonlyMap<Applied, Scope>;
    /** Of values, by the references of their secrets. */
    readonly fingerprints: Readonly<Record<string, string>>;
    /** The secrets that they name, by kind and reference. */
    readonly uses: ReadonlyMap<string, readonly string[]>;
  },
): AuditEntry[] {
  return applied
    .filter(({ change }) => change !== 'unchanged')
    .map(done => {
      const { kind, reference, change, affected = [] } = done;
      const value = known.fingerprints[reference];
      const accepted = affected.flatMap(item => (item.accepted ? [item.connector] : []));
      const uses = known.uses.get(`${kind} ${reference}`) ?? [];
      return {
        type: 'change',
        id,
        ...by(caller),
        action: `${kind}.${change === 'created' ? 'create' : 'update'}`,
        subject: reference,
        scope: known.scopes.get(done) ?? account,
        outcome: 'succeeded',
        ...(kind === 'secret' && value !== undefined ? { fingerprints: { value } } : {}),
        ...(affected.length > 0 ? { details: { accepted } } : {}),
        ...(uses.length > 0 ? { details: { uses } } : {}),
      };
    });
}

/** By what is run: a connector that is being made has another id, and so another version, in each round. */
const keyOf = (plan: Plan) =>
  createHash('sha256')
    .update(canonicalJson(alone(plan)))
    .digest('hex');

export type { Applied, ApplySource };
