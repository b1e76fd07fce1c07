/** From a connector, its template's content and a secret to one complete plan: nothing after this asks the store what to run. */
import { limits } from '../protocol/index.ts';
import type { Connector, Plan, PlannedInput, Secret, TemplateContent } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { type Environment, type Evaluated, evaluate, literalSecrets } from './domain/evaluate.ts';
import { describeExpression, type Expression, parseText } from './domain/expression.ts';
import { checkValue } from './domain/input-rules.ts';
import {
  type DeclaredInput,
  inputLabel,
  type ResolvedInput,
  resolveInputs,
  resolveTestInputs,
  sameInput,
} from './domain/inputs.ts';
import { formatReference, type Reference, sameReference } from './domain/reference.ts';
import type { Encryption } from './encryption/encryption.ts';
import { connectorOf, noSuchManager, secretOf } from './load.ts';
import { findConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import type { StoredSecret } from './store/secrets.ts';
import { findContent } from './store/templates.ts';
import { assertUsable, builtInValue, cyclic, findNamed, noneNamed } from './used-secrets.ts';

export interface PlanTools {
  readonly database: Database;
  readonly encryption: Encryption;
  /** Runs the plan of a secret that another custom manager keeps, and opens its value. */
  readonly fetchNested: (plan: Plan) => Promise<string>;
}

/** What is to be run. None of it need be saved yet. */
export interface Subject {
  readonly connector: Connector;
  readonly content: TemplateContent;
  /** Undefined for a connection test: the connector's own inputs, defaults and test values alike. */
  readonly secret?: Secret | undefined;
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

/** Custom managers may use each other's secrets so deep. */
const deepest = 3;
/** What a task holds besides the plan, generously: identity, keys, the fields' names, what sealing adds. */
const envelope = 16_384;

/** The plan for fetching a secret, or for a connection test. Throws a `RequestError` that says what is missing. */
export async function resolvePlan(tools: PlanTools, subject: Subject): Promise<Plan> {
  return (await resolve(tools, subject)).plan;
}

/** The content that a saved connector pins, and the secret: everything `resolvePlan` needs. */
export async function subjectOf(database: Database, secret: StoredSecret): Promise<Subject> {
  if (secret.connector === undefined) {
    throw new RequestError(
      'INVALID_REQUEST',
      `${formatReference(secret)} is kept in the built-in secret manager; its value is for scripts, and is not shown`,
    );
  }
  return { ...(await testSubjectOf(database, secret.connector)), secret: secretOf(secret) };
}

/** The same for a connection test. */
export async function testSubjectOf(database: Database, id: Reference): Promise<Subject> {
  const stored = await findConnector(database, id);
  if (!stored) throw noSuchManager(id);
  return { connector: connectorOf(stored), content: await findContent(database, stored.contentDigest) };
}

/** As `resolvePlan`, with what came of every input. `chain`: the connectors that wait for this one. */
export async function resolve(
  tools: PlanTools,
  subject: Subject,
  chain: readonly Reference[] = [],
): Promise<Resolution> {
  const { connector, content, secret } = subject;
  if (connector.target.kind === 'host') {
    throw new RequestError(
      'INVALID_REQUEST',
      `${formatReference(connector)}: running the script on a target host is not supported yet; use onDelegate: true`,
    );
  }
  const declared = declaredInputs(connector, content);
  const inputs = secret
    ? resolveInputs(declared, connector.inputs, secret.inputs)
    : resolveTestInputs(declared, connector.inputs);
  const environment = environmentOf(subject, inputs, (by, text) =>
    usedValue(tools, connector, by, text, chain),
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
    selectors: await Promise.all(connector.selectors.map(selector => plain(selector, 'a delegate selector'))),
    timeoutMs: connector.timeoutSeconds * 1_000,
  };
  assertSendable(plan);
  return { plan, values };
}

/** A secret that a script names, as it names it. */
export interface NamedSecret {
  readonly by: 'reference' | 'name';
  readonly text: string;
  /** It stands in the script itself, whatever the inputs are. */
  readonly inScript: boolean;
}

/**
 * The secrets that would be asked for, found by evaluating with every secret's value, and every input that is
 * missing, taken for empty. What is wrong with an expression is left to whoever evaluates it for real.
 */
export async function namedSecrets(subject: Subject): Promise<NamedSecret[]> {
  const { connector, content, secret } = subject;
  const declared = declaredInputs(connector, content).map(input =>
    input.value.kind === 'runtime' && input.value.defaultText === undefined
      ? { ...input, value: { ...input.value, defaultText: '' } }
      : input,
  );
  const inputs = secret
    ? resolveInputs(declared, connector.inputs, secret.inputs)
    : resolveTestInputs(declared, connector.inputs);
  const literal = content.program.slots.flatMap(literalSecrets);
  const by = content.syntax === 'NG' ? 'reference' : 'name';
  const named = new Map(literal.map(text => [`${by} ${text}`, { by, text, inScript: true } as const]));
  const found = new Map<string, NamedSecret>(named);
  const environment: Environment = {
    ...environmentOf(subject, inputs, (by, text) => {
      const key = `${by} ${text}`;
      if (!found.has(key)) found.set(key, { by, text, inScript: false });
      return Promise.resolve('');
    }),
  };
  const slots: Expression[] = inputs.map(({ list, name }) => ({ kind: 'input', list, name }));
  for (const slot of [...slots, ...content.program.slots]) {
    await evaluate(slot, environment).catch((error: unknown) => {
      if (!(error instanceof RequestError)) throw error;
    });
  }
  return [...found.values()];
}

/** FirstGen managers take nothing from the template but the names of its variables. */
function declaredInputs(connector: Connector, content: TemplateContent): readonly DeclaredInput[] {
  if (connector.generation === 'NG') return content.inputs;
  const open = { kind: 'runtime', source: '<+input>', defaultText: undefined, validator: undefined } as const;
  return content.inputs.map(input => ({ ...input, value: open }));
}

function environmentOf(
  { connector, content, secret }: Subject,
  inputs: readonly ResolvedInput[],
  readSecret: Environment['secret'],
): Environment {
  // FirstGen's parameters are the characters that they are.
  const isLiteral = ({ source }: ResolvedInput) =>
    (source === 'secret' && secret?.generation === 'FirstGen') ||
    (source === 'connector' && connector.generation === 'FirstGen');
  return {
    input(list, name) {
      const found = inputs.find(input => sameInput(input, { list, name }));
      if (!found) return undefined;
      const text: Expression = { kind: 'text', text: found.text };
      return { expression: isLiteral(found) ? text : expressionOf(found.text), secret: found.secret };
    },
    path: path => scalarAt(content.spec, path),
    secret: readSecret,
  };
}

/** The value of a secret that the script or an input names. */
async function usedValue(
  tools: PlanTools,
  connector: Connector,
  by: 'reference' | 'name',
  text: string,
  chain: readonly Reference[],
): Promise<string> {
  const { database, encryption } = tools;
  const used = await findNamed(database, connector, by, text);
  if (!used) throw noneNamed(by, text);
  await assertUsable(database, connector, used);
  if (used.connector === undefined) return builtInValue(database, encryption, used);
  const { connector: manager } = used;
  const longer = [...chain, connector];
  if (longer.some(waiting => sameReference(waiting, manager))) throw cyclic(connector);
  if (longer.length >= deepest) {
    const path = [...longer, manager].map(formatReference).join(' → ');
    throw new RequestError(
      'CYCLIC_REFERENCE',
      `secret managers use each other's secrets more than ${deepest} deep: ${path}`,
    );
  }
  const { plan } = await resolve(tools, await subjectOf(database, used), longer);
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

/** Was valid when it was saved; a problem now is one of an older version's. */
function expressionOf(text: string): Expression {
  const parsed = parseText(text);
  if (!parsed.ok) throw new RequestError('UNRESOLVED_EXPRESSION', parsed.problem);
  return parsed.expression;
}

/** Where a task goes, and where it runs, is public. */
function plainText({ value, secret }: Evaluated, what: string): string {
  const trimmed = value.trim();
  if (secret) throw new RequestError('INVALID_REQUEST', `${what} must not hold a secret's value`);
  if (trimmed === '') throw new RequestError('UNRESOLVED_EXPRESSION', `${what} evaluates to nothing`);
  return trimmed;
}

/** A field of the merged document: through objects by key, through lists of `{name, value}` by name. */
function scalarAt(spec: unknown, path: string): string | undefined {
  let node = spec;
  for (const part of path.split('.')) {
    if (Array.isArray(node)) {
      const entry: unknown = node.find((item: unknown) => fieldOf(item, 'name') === part);
      node = fieldOf(entry, 'value');
    } else node = fieldOf(node, part);
  }
  if (typeof node === 'string') return node;
  return typeof node === 'number' || typeof node === 'boolean' ? String(node) : undefined;
}

function fieldOf(data: unknown, key: string): unknown {
  if (typeof data !== 'object' || data === null) return undefined;
  return Object.hasOwn(data, key) ? new Map(Object.entries(data)).get(key) : undefined;
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
