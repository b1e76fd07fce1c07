/** Plans of what was applied, with everything real but the delegates. */

import type { Plan } from '../../control-plane/domain/entities.ts';
import { type Reference, resolveReference } from '../../control-plane/domain/reference.ts';
import {
  type PlannedValue,
  resolve,
  type Subject,
  subjectOf,
  testSubjectOf,
} from '../../control-plane/resolve-plan.ts';
import { nestedValue } from '../../control-plane/run-plan.ts';
import { findSecret } from '../../control-plane/store/secrets.ts';
import { loadCompiler } from '../../control-plane/template/compile.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { yamlOf } from './documents.ts';
import { someCaller, type Tools, toolsFor } from './tools.ts';

export interface PlanWorld extends TestDatabase {
  readonly tools: Tools;
  /** The plan for a secret, by its absolute reference. */
  plan(secret?: string): Promise<Plan>;
  /** The plan for a connection test. */
  testPlan(connector?: string): Promise<Plan>;
  /** What came of every input. */
  values(secret?: string): Promise<readonly PlannedValue[]>;
  /** The first value that the script gets. */
  value(secret?: string): Promise<string | undefined>;
  subject(secret?: string): Promise<Subject>;
}

const compiler = loadCompiler();

/** A store with these documents, compiled for real; nested fetches go through `tools.play`. */
export async function plansOf(...documents: object[]): Promise<PlanWorld> {
  const store = await testDatabase();
  const tools = await toolsFor(store.database, await compiler);
  if (documents.length > 0) await tools.apply(yamlOf(...documents));
  const context = { caller: someCaller(), signal: new AbortController().signal };
  const fetchNested = (plan: Plan) => nestedValue(tools, plan, context);
  const planTools = { database: store.database, encryption: tools.encryption, fetchNested };
  const subject = async (secret = 'account.s') => {
    const stored = await findSecret(store.database, resolveReference(secret));
    if (!stored) throw new Error(`there is no ${secret}`);
    return subjectOf(store.database, stored);
  };
  const resolved = async (found: Subject) => resolve(planTools, found);
  const connectorOf = (connector: string): Reference => resolveReference(connector);
  return {
    ...store,
    tools,
    subject,
    plan: async secret => (await resolved(await subject(secret))).plan,
    testPlan: async (connector = 'account.conn') =>
      (await resolved(await testSubjectOf(store.database, connectorOf(connector)))).plan,
    values: async secret => (await resolved(await subject(secret))).values,
    value: async secret => (await resolved(await subject(secret))).plan.inputs[0]?.value,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
