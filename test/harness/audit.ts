import type { AuditEntry } from '../../control-plane/audit/record.ts';

export const auditKey = new Uint8Array(32).fill(7);

/** A record with everything that every record has. */
export function anEntry(more: Partial<AuditEntry> = {}): AuditEntry {
  return {
    type: 'request',
    id: 'request-1',
    actor: { id: 'key-1', name: 'ci' },
    source: '192.0.2.1',
    action: 'secret.fetch',
    ...more,
  };
}
