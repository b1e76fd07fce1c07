/** What an operator has drained stays drained, whoever restarts. */
import { statements } from './migration.ts';

export const migration4 = statements(['alter table delegates add column drained_at text']);
