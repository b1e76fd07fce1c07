/** What an administrator may switch for the whole account. */

import type { Clock } from '../protocol/index.ts';
import { authorize } from './access/authorize.ts';
import type { Audit } from './audit/audit.ts';
import { type About, audited } from './audit/audited.ts';
import { by } from './audit/record.ts';
import { RequestError } from './domain/errors.ts';
import type { Caller } from './domain/permissions.ts';
import { account } from './domain/scope.ts';
import { type Database, waitForTurn } from './store/database.ts';
import { findSetting, saveSetting } from './store/settings.ts';

/** Each with its name in the store, where a switch is on unless it says `false`. */
const switches = {
  'test-on-save': {
    stored: 'testOnSave',
    meaning: 'run the script when a connector, or a secret of a FirstGen secret manager, is saved',
  },
} as const;

type Name = keyof typeof switches;
const names = Object.keys(switches).filter((name): name is Name => name in switches);

export interface AccountSetting {
  readonly name: string;
  readonly value: 'on' | 'off';
  readonly meaning: string;
}

export interface SettingTools {
  readonly database: Database;
  readonly audit: Pick<Audit, 'record' | 'recordIn' | 'flush'>;
  readonly clock: Clock;
}

/** Is the script to be run before something is saved? */
export const testsOnSave = (database: Database) => isOn(database, 'test-on-save');

/** Every one, by name. Throws where the caller does not administer the account. */
export async function listAccountSettings(database: Database, caller: Caller): Promise<AccountSetting[]> {
  authorize(caller, 'administer', { scope: account });
  return Promise.all(names.map(name => settingOf(database, name)));
}

/** Switches one, with its record in the audit trail. Throws a `RequestError`. */
export function setAccountSetting(
  { database, audit, clock }: SettingTools,
  caller: Caller,
  { name, value }: { readonly name: string; readonly value: 'on' | 'off' },
): Promise<AccountSetting> {
  const about: About = { ...by(caller), action: 'setting.change', scope: account };
  return audited(audit, clock, about, async ({ id, note }) => {
    authorize(caller, 'administer', { scope: account });
    const known = names.find(one => one === name);
    if (known === undefined) {
      const hint = `; there are: ${names.join(', ')}`;
      throw new RequestError('RESOURCE_NOT_FOUND', `there is no setting "${name.slice(0, 100)}"${hint}`);
    }
    await database.transaction().execute(async transaction => {
      await waitForTurn(transaction, 'change a setting of the account');
      const before = (await settingOf(transaction, known)).value;
      await saveSetting(transaction, switches[known].stored, String(value === 'on'));
      const facts = { subject: `setting/${known}`, details: { before, after: value } };
      note(facts);
      await audit.recordIn(transaction, [{ ...about, ...facts, type: 'change', id, outcome: 'succeeded' }]);
    });
    await audit.flush();
    return settingOf(database, known);
  });
}

const isOn = async (database: Database, name: Name) =>
  (await findSetting(database, switches[name].stored)) !== 'false';

async function settingOf(database: Database, name: Name): Promise<AccountSetting> {
  return { name, value: (await isOn(database, name)) ? 'on' : 'off', meaning: switches[name].meaning };
}
