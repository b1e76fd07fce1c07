/** One attempt's task: a plan, as one delegate gets it. */
import { type PublicKey, sealCredential, sealInput, type Task } from '../../protocol/index.ts';
import type { Span } from '../../protocol/tracing.ts';
import type { Plan, PlannedHop, PlannedTarget } from '../domain/entities.ts';
import type { Attempt, Link, SealedParts, TaskIdentity } from './link.ts';

/** What is to be run, and for whom. */
interface Wanted {
  readonly plan: Plan;
  readonly recipient: PublicKey;
  readonly logs: boolean;
  readonly liveLogs?: boolean;
  /** The part of a trace that this attempt is. */
  readonly span?: Span;
}

/** What is secret is sealed to this very delegate, for this attempt. */
export function startTask(link: Link, request: Wanted, id: TaskIdentity, remainingMs: number): Attempt {
  const { plan, recipient, logs, liveLogs = false } = request;
  const traceparent = request.span?.traceparent;
  const { program, inputs, workingDirectory, subject, share, pick } = plan;
  const task: Task = {
    type: 'task',
    ...id,
    remainingMs,
    program: { shell: 'bash', ...program },
    inputs: inputs.map(({ value, secret }) => ({ kind: 'plain', data: secret ? '' : value })),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    recipient,
    logs,
    ...(liveLogs ? { liveLogs } : {}),
    ...(share ? { share } : {}),
    ...(pick === undefined ? {} : { pick }),
    subject,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  if (!plan.target && !inputs.some(({ secret }) => secret)) return link.start(task);
  return link.start(task, sealed(plan, link.publicKey, id));
}

async function sealed({ inputs, target }: Plan, key: PublicKey, id: TaskIdentity): Promise<SealedParts> {
  const sealing = inputs.map(async ({ value, secret }, index) =>
    secret
      ? ({ kind: 'sealed', data: await sealInput(value, key, id, index) } as const)
      : ({ kind: 'plain', data: value } as const),
  );
  return {
    inputs: await Promise.all(sealing),
    ...(target ? { target: await sealedTarget(target, key, id) } : {}),
  };
}

async function sealedTarget(
  target: PlannedTarget,
  key: PublicKey,
  id: TaskIdentity,
): Promise<NonNullable<Task['target']>> {
  const hop = async ({ host, port, user, credential, hostKeys }: PlannedHop, index: number) => ({
    host,
    port,
    user,
    credential:
      credential.kind === 'delegate'
        ? credential
        : ({
            kind: 'sealed',
            data: await sealCredential(credential.opened, key, id, index),
            id: credential.id,
          } as const),
    hostKeys: [...hostKeys],
  });
  const { jumps, legacyAlgorithms } = target;
  return {
    kind: 'host',
    ...(await hop(target, 0)),
    ...(legacyAlgorithms ? { legacyAlgorithms } : {}),
    jumps: await Promise.all(jumps.map((jump, index) => hop(jump, index + 1))),
  };
}
