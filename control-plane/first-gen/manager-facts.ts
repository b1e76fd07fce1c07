import { firstGenManagerDocument } from '../documents/first-gen.ts';
import type { ConnectorRow } from '../store/connectors.ts';
import type { Facts } from './changes.ts';

/** What the audit trail says of a manager. Its test variables are inputs, so it has their fingerprints only. */
export function managerFacts(row: ConnectorRow): Facts {
  const { testVariables, usageScope, credential: _, ...fields } = firstGenManagerDocument(row);
  return {
    shown: {
      ...fields,
      usageScope: JSON.stringify(usageScope.appEnvScopes ?? []),
      content: row.contentDigest,
    },
    hidden: Object.fromEntries(testVariables.map(({ name, value }) => [`testVariables.${name}`, value])),
  };
}
