import { visible } from '../access/authorize.ts';
import type { Caller } from '../domain/permissions.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import { listTemplates } from '../store/templates.ts';
import type { FirstGenTemplate, Listing, Page } from './model.ts';

/** The templates of the account, by their stable versions: those that a manager can name. The newest first. */
export async function listFirstGenTemplates(
  database: Database,
  caller: Caller,
  { limit, offset }: Page,
): Promise<Listing<FirstGenTemplate>> {
  if (!visible(caller, { scope: account })) return { nodes: [], total: 0 };
  const versions = await listTemplates(database, [account]);
  const madeAt = new Map<string, string>();
  for (const { uuid, createdAt } of versions) {
    const known = madeAt.get(uuid);
    if (known === undefined || createdAt < known) madeAt.set(uuid, createdAt);
  }
  const age = ({ uuid }: { readonly uuid: string }) => `${madeAt.get(uuid)} ${uuid}`;
  const nodes = versions
    .filter(({ stable }) => stable)
    .sort((a, b) => (age(a) < age(b) ? 1 : -1))
    .map(({ uuid, name, number }) => ({ uuid, name, version: number }));
  return { nodes: nodes.slice(offset, offset + limit), total: nodes.length };
}
