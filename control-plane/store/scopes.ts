/** The scopes in which there is something. */
import { isWithin, parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';

/** The scope itself and those below it that hold a template, a connector or a secret, in order. */
export async function scopesWithin(database: Database, outer: Scope): Promise<Scope[]> {
  const rows = await database
    .selectFrom('templates')
    .select('scope')
    .union(database.selectFrom('connectors').select('scope'))
    .union(database.selectFrom('secrets').select('scope'))
    .execute();
  const inner = rows.map(({ scope }) => parseScope(scope)).filter(scope => isWithin(scope, outer));
  return [...new Set([outer, ...inner])].sort();
}
