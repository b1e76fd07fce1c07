/** From a connector, its template's content and a secret to one complete plan: nothing after this asks the store what to run. */
import { limits } from '../protocol/index.ts';
import type { Connector, Plan, PlannedInput } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { type Environment, type Evaluated, evaluate } from './domain/evaluate.ts';
import { describeExpression } from './domain/expression.ts';
import { checkValue } from './domain/input-rules.ts';
import { inputLabel, type ResolvedInput, resolveInputs, resolveTestInputs } from './domain/inputs.ts';
import { formatReference } from './domain/reference.ts';
import { resolveSelectors } from './domain/selectors.ts';
import type { Encryption } from './encryption/encryption.ts';
import { declaredInputs, environmentOf, expressionOf, type Subject } from './plan-environment.ts';
import { planTarget } from './plan-target.ts';
import type { Database } from './store/database.ts';
import { assertLink, builtInValue, findNamed, type Naming, noneNamed, subjectOf } from './used-secrets.ts';

export { namedSecrets } from './named-secrets.ts';
export type { Subject } from './plan-environment.ts';
export { subjectOf, testSubjectOf } from './used-secrets.ts';

export interface PlanTools {
  readonly database: Database;
  readonly encryption: Encryption;
  /** Runs the plan of a secret that another custom manager keeps, and opens its value. */
  readonly fetchNested: (plan: Plan) => Promise<string>;
}

/** An input with its value, for people: how the plan came about. */
export interface PlannedValue extends PlannedInput {
  readonly source: ResolvedInput['source'];
}

export interface Resolution {
  readonly plan: Plan;
  /** Every input of the template, whether the script uses it or not. */
  readonly values: readonly PlannedValue[];
}

/** What a task holds besides the plan, generously: identity, keys, the fields' names, what sealing adds. */
const envelope = 16_384;

/** The plan for fetching a secret, or for a connection test. Throws a `RequestError` that says what is missing. */
export async function resolvePlan(tools: PlanTools, subject: Subject): Promise<Plan> {
  return (await resolve(tools, subject)).plan;
}

/** As `resolvePlan`, with what came of every input. `waiting`: the connectors that wait for this one. */
export async function resolve(
  tools: PlanTools,
  subject: Subject,
  waiting: readonly Connector[] = [],
): Promise<Resolution> {
  const { connector, content, secret, version } = subject;
  const declared = declaredInputs(subject);
  const inputs = secret
    ? resolveInputs(declared, connector.inputs, secret.inputs)
    : resolveTestInputs(declared, connector.inputs);
  const environment = environmentOf(subject, inputs, (by, text) =>
    usedValue(tools, [...waiting, connector], by, text),
  );
  const values = await evaluateInputs(inputs, environment);
  const planned: PlannedInput[] = [];
  for (const slot of content.program.slots) {
    const { value, secret: isSecret } = await evaluate(slot, environment);
    planned.push({ label: describeExpression(slot), value, secret: isSecret });
  }
  const plain = async (text: string, what: string) =>
    plainText(await evaluate(expressionOf(text), environment), what);
  const directory = connector.workingDirectory;
  // FirstGen's `isConnectorTemplatized`: the credential's id comes as a variable of this name.
  const credentialId = inputs.find(({ name }) => name === 'connectorId')?.text;
  const target = await planTarget(tools, connector, plain, credentialId);
  const plan: Plan = {
    subject: {
      secret: secret ? formatReference(secret) : '',
      connector: formatReference(connector),
      template: `${formatReference(connector.template)}@${connector.template.versionLabel}`,
    },
    owner: connector.scope,
    program: { text: content.program.text, digest: content.program.digest },
    inputs: planned,
    workingDirectory: directory === undefined ? undefined : await plain(directory, 'workingDirectory'),
    ...(target ? { target } : {}),
    selectors: await resolveSelectors(connector.selectors, connector.selectorSyntax, text =>
      plain(text, 'a delegate selector'),
    ),
    ...(connector.selectorSyntax ? { selectorSyntax: connector.selectorSyntax } : {}),
    timeoutMs: connector.timeoutSeconds * 1_000,
    ...(secret && version !== undefined
      ? { share: { version, ttlMs: connector.cacheTtlSeconds * 1_000 } }
      : {}),
    ...(secret?.key === undefined ? {} : { pick: secret.key }),
  };
  assertSendable(plan);
  return { plan, values };
}

/** The value of a secret that the script or an input names. */
async function usedValue(
  tools: PlanTools,
  waiting: readonly Connector[],
  by: Naming,
  text: string,
): Promise<string> {
  const { database, encryption } = tools;
  const [connector] = waiting.slice(-1);
  const used = connector && (await findNamed(database, connector, by, text));
  if (!used) throw noneNamed(by, text);
  if (!(await assertLink(database, waiting, used))) return builtInValue(database, encryption, used);
  const { plan } = await resolve(tools, await subjectOf(database, used), waiting);
  return tools.fetchNested(plan);
}

async function evaluateInputs(
  inputs: readonly ResolvedInput[],
  environment: Environment,
): Promise<PlannedValue[]> {
  const values: PlannedValue[] = [];
  const problems: string[] = [];
  for (const input of inputs) {
    const { value, secret } = await evaluate(
      { kind: 'input', list: input.list, name: input.name },
      environment,
    );
    const source = input.source === 'template default' ? 'template' : input.source;
    const problem = input.declared && checkValue(input.declared, value, source, secret);
    if (problem !== undefined) problems.push(problem);
    values.push({ label: inputLabel(input), value, secret, source: input.source });
  }
  if (problems.length > 0) throw new RequestError('INVALID_REQUEST', problems);
  return values;
}

/** Where a task goes, and where it runs, is public. */
function plainText({ value, secret }: Evaluated, what: string): string {
  const trimmed = value.trim();
  if (secret) throw new RequestError('INVALID_REQUEST', `${what} must not hold a secret's value`);
  if (trimmed === '') throw new RequestError('UNRESOLVED_EXPRESSION', `${what} evaluates to nothing`);
  return trimmed;
}

function assertSendable(plan: Plan): void {
  const about = plan.subject.secret || plan.subject.connector;
  for (const { label, value } of plan.inputs) {
    if (value.length > limits.input)
      throw new RequestError(
        'INVALID_REQUEST',
        `${about}: ${label} has more than ${limits.input} characters`,
      );
    if (value.includes('\0') || !value.isWellFormed())
      throw new RequestError(
        'INVALID_REQUEST',
        `${about}: ${label} is not text that a shell variable can hold`,
      );
  }
  // Each of them is small enough, but all of them travel in one frame, and what is sealed grows by a third.
  const size = plan.inputs.reduce(
    (sum, { value, secret }) => sum + Buffer.byteLength(JSON.stringify(value)) * (secret ? 1.34 : 1) + 1_024,
    Buffer.byteLength(JSON.stringify(plan.program.text)),
  );
  if (size > limits.frameToDelegate - envelope) {
    throw new RequestError(
      'INVALID_REQUEST',
      `${about}: script and inputs together are more than a task can carry`,
    );
  }
}
