/** What happens to delegates, as the audit trail is to know it. */
import { closeCode } from '../../protocol/index.ts';
import type { TokenFacts } from './token-session.ts';

export interface DelegateEvent {
  /** `draining`: it says that it takes no more tasks. `drained`: and nothing runs any more. */
  readonly kind: 'joined' | 'lost' | 'draining' | 'drained' | 'refused';
  /** Undefined: it has shown none that counts. */
  readonly token: Pick<TokenFacts, 'id' | 'name' | 'scope' | 'until'> | undefined;
  /** Undefined: it did not say its name, or one that is none. */
  readonly delegate: string | undefined;
  readonly instance?: string;
  readonly agentVersion?: string;
  /** Where it comes from. */
  readonly address: string | undefined;
  /** The name of the close code, where its connection ended or was refused. */
  readonly reason?: string;
}

const names = new Map<number, string>(Object.entries(closeCode).map(([name, code]) => [code, name]));

/** As PROTOCOL.md calls it. */
export const closeName = (code: number): string => names.get(code) ?? `code ${code}`;
