import { firstGenSecretDocument } from '../documents/first-gen.ts';
import { formatReference } from '../domain/reference.ts';
import type { SecretRow } from '../store/secrets.ts';
import type { Facts } from './changes.ts';

/** What the audit trail says of a secret: of a new value, and of parameters, the fingerprints. */
export function secretFacts(row: SecretRow, value?: Uint8Array): Facts {
  const { parameters = [], usageScope, auth, ...fields } = firstGenSecretDocument(row);
  return {
    shown: {
      ...fields,
      type: row.type,
      connector: row.connector && formatReference(row.connector),
      usageScope: JSON.stringify(usageScope.appEnvScopes ?? []),
      // Names who logs in, and with which secrets.
      ...(auth === undefined ? {} : { auth: JSON.stringify(auth) }),
    },
    hidden: {
      ...Object.fromEntries(parameters.map(parameter => [`parameters.${parameter.name}`, parameter.value])),
      ...(value ? { value } : {}),
    },
  };
}
