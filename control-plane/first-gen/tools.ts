/** What FirstGen's operations need. */
import type { Audit } from '../audit/audit.ts';
import type { Roster } from '../dispatch/roster.ts';
import type { Encryption } from '../encryption/encryption.ts';
import type { RunContext, RunTools } from '../run-plan.ts';
import type { Database } from '../store/database.ts';

export interface FirstGenTools extends RunTools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly audit: Pick<Audit, 'record' | 'recordIn' | 'flush' | 'fingerprint'>;
  readonly roster: Roster;
  /** ISO 8601. */
  readonly now: () => string;
  /** Ids for what is made. */
  readonly newUuid: () => string;
}

export type { RunContext };
