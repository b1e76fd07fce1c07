/** Connections to hosts that were made with a login that has changed, or is gone, are closed. */
import type { Roster } from './dispatch/roster.ts';
import type { Reference } from './domain/reference.ts';
import type { Database } from './store/database.ts';
import { findSecret, usersOfSecret } from './store/secrets.ts';

/** To be called when the change is durable; `uuid` is that of the secret itself, which may be gone by now. */
export async function forgetCredentials(
  database: Database,
  roster: Roster,
  secret: Reference & { readonly uuid: string },
): Promise<void> {
  const ids = [secret.uuid];
  // A key, password or passphrase belongs to the logins that name it.
  for (const user of await usersOfSecret(database, secret)) {
    const login = user.kind === 'secret' ? await findSecret(database, user) : undefined;
    if (login?.type === 'SSHKey') ids.push(login.uuid);
  }
  for (const link of roster.links()) for (const id of ids) link.forget(id);
}
