/** What the audit trail says. `docs/audit.md` explains every field, and a test compares the two. */
import type { Caller } from '../domain/permissions.ts';
import type { Scope } from '../domain/scope.ts';

/** What something came to. */
export type Outcome = 'succeeded' | 'failed' | 'denied' | 'abandoned';

export type Detail = string | number | boolean | readonly string[];

/** A record as the part that makes it knows it. Never a value, an input, a credential or a program. */
export interface AuditEntry {
  /** `event`: it happened without a request. */
  readonly type: 'request' | 'response' | 'change' | 'event';
  /** The same in a request, its response, and the changes between. */
  readonly id: string;
  /** The API key, or the delegate token: its id and name. */
  readonly actor: { readonly id: string; readonly name: string };
  /** The address where the request came from. */
  readonly source: string;
  /** As in `secret.fetch`: the kind of thing, and what is done to it. */
  readonly action: string;
  /** The absolute reference, or `key/NAME` and the like for what has none. */
  readonly subject?: string | undefined;
  /** Whose administrators see the record; none: the account's. */
  readonly scope?: Scope | undefined;
  /** Absolute references. */
  readonly connector?: string | undefined;
  readonly template?: string | undefined;
  readonly delegate?: string | undefined;
  readonly task?: string | undefined;
  readonly attempt?: number | undefined;
  readonly outcome?: Outcome | undefined;
  /** Why it did not succeed: a failure's reason, or an error's code. */
  readonly reason?: string | undefined;
  readonly durationMs?: number | undefined;
  /** By the name of an input or field: what `fingerprint` makes of its value. */
  readonly fingerprints?: Readonly<Record<string, string>> | undefined;
  /** Names and numbers that belong to the action. */
  readonly details?: Readonly<Record<string, Detail>> | undefined;
}

/** As it is kept. */
export interface AuditRecord extends AuditEntry {
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
}

/** Every field; the compiler sees to it that none is missing. */
export const auditFields = Object.keys({
  seq: true,
  time: true,
  type: true,
  id: true,
  actor: true,
  source: true,
  action: true,
  subject: true,
  scope: true,
  connector: true,
  template: true,
  delegate: true,
  task: true,
  attempt: true,
  outcome: true,
  reason: true,
  durationMs: true,
  fingerprints: true,
  details: true,
} satisfies Record<keyof AuditRecord, true>);

/** Who did it and where from. */
export const by = ({ keyId, name, source }: Caller): Pick<AuditEntry, 'actor' | 'source'> => ({
  actor: { id: keyId, name },
  source,
});
