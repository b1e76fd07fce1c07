/** Applications and their environments: what callers may say they are, for usage scopes. */
import type { Database } from './database.ts';

export interface Application {
  readonly id: string;
  readonly name: string;
  readonly environments: readonly {
    readonly id: string;
    readonly name: string;
    readonly production: boolean;
  }[];
}

export async function findApplication(database: Database, id: string): Promise<Application | undefined> {
  const row = await database.selectFrom('applications').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  const environments = await database
    .selectFrom('environments')
    .selectAll()
    .where('application_id', '=', id)
    .orderBy('id')
    .execute();
  return {
    id: row.id,
    name: row.name,
    environments: environments.map(({ id, name, production }) => ({
      id,
      name,
      production: production !== 0,
    })),
  };
}

export async function listApplications(database: Database): Promise<Application[]> {
  const rows = await database.selectFrom('applications').select('id').orderBy('id').execute();
  const found = await Promise.all(rows.map(({ id }) => findApplication(database, id)));
  return found.filter(application => application !== undefined);
}

/** Saves an application with just these environments. */
export async function saveApplication(
  database: Database,
  { id, name, environments }: Application,
  now: string,
): Promise<void> {
  await database
    .insertInto('applications')
    .values({ id, name, created_at: now })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ name }))
    .execute();
  await database.deleteFrom('environments').where('application_id', '=', id).execute();
  for (const environment of environments) {
    await database
      .insertInto('environments')
      .values({
        id: environment.id,
        application_id: id,
        name: environment.name,
        production: environment.production ? 1 : 0,
      })
      .execute();
  }
}

export async function deleteApplication(database: Database, id: string): Promise<void> {
  await database.deleteFrom('environments').where('application_id', '=', id).execute();
  await database.deleteFrom('applications').where('id', '=', id).execute();
}
