/** Where a connector's script runs: on the delegate, or on a host, perhaps by way of others. */
import type { DelegateCredential, Target, TargetHop } from '../domain/entities.ts';
import { parseFieldReference } from '../domain/reference.ts';
import type { Scope } from '../domain/scope.ts';
import { type Problems, publicTextProblems, referenceAt } from './problems.ts';
import type { ConnectorDocument } from './schemas.ts';

type Spec = ConnectorDocument['spec'];
type Hop = NonNullable<Spec['jumpHosts']>[number];

/** Where problems go: those of the document's form, and those of its references, which come after them. */
export interface ProblemLists {
  readonly problems: Problems;
  readonly references: Problems;
}

/** Absent, `onDelegate` follows from whether a host or a credential is given. */
export function readTarget(spec: Spec, scope: Scope, lists: ProblemLists): Target {
  const given = Boolean(spec.host || spec.connectorRef || spec.delegateCredential);
  const remote = spec.onDelegate === undefined ? given : !spec.onDelegate;
  if (!remote) return { kind: 'delegate' };
  const has: Record<string, unknown> = {
    ...spec,
    connectorRef: spec.connectorRef || spec.delegateCredential,
  };
  const missing = ['host', 'connectorRef', 'workingDirectory'].filter(field => !has[field]);
  if (missing.length > 0) {
    const why = spec.onDelegate === undefined ? 'it runs on a target host' : 'onDelegate is false';
    lists.problems.push(
      `connector.spec: ${why}, so host, connectorRef and workingDirectory are required ` +
        `(missing: ${missing.join(', ')})`,
    );
    return { kind: 'delegate' };
  }
  const jumps = spec.jumpHosts ?? [];
  return {
    kind: 'host',
    ...hopOf(spec, 'connector.spec', scope, lists),
    ...(spec.legacyAlgorithms ? { legacyAlgorithms: true } : {}),
    ...(jumps.length > 0
      ? { jumps: jumps.map((jump, index) => hopOf(jump, `connector.spec.jumpHosts[${index}]`, scope, lists)) }
      : {}),
  };
}

/** A leading dash would be an option to a program that is given the host, blanks and control characters worse. */
const hostRule = /^(?!-)[\p{L}\p{N}._:[\]%-]{1,255}$/u;

function hopOf(
  { host = '', connectorRef, delegateCredential, hostKeys = [] }: Hop,
  at: string,
  scope: Scope,
  { problems, references }: ProblemLists,
): TargetHop {
  const name = host.trim();
  if (name.includes('<+')) problems.push(...publicTextProblems(`${at}.host`, name));
  else if (!hostRule.test(name))
    problems.push(`${at}.host must be a host name or address, without blanks or a leading "-"`);
  if (!connectorRef === !delegateCredential)
    problems.push(`${at}: give connectorRef or delegateCredential, one of them`);
  const credential = connectorRef
    ? referenceAt(
        () => parseFieldReference(connectorRef, scope, 'connectorRef'),
        `${at}.connectorRef`,
        references,
      )
    : undefined;
  return {
    host: name,
    credential,
    ...(delegateCredential ? { delegateCredential: ownOf(delegateCredential) } : {}),
    ...(hostKeys.length > 0 ? { hostKeys } : {}),
  };
}

const ownOf = ({ name, userName, port }: NonNullable<Hop['delegateCredential']>): DelegateCredential => ({
  name,
  userName,
  port: Number(port ?? 22),
});
