/** Stored connectors and secrets as what they mean, by the rules of the generation that made them. */
import { readFirstGenConnector, readFirstGenSecret } from './documents/first-gen.ts';
import { readConnector } from './documents/read-connector.ts';
import { readSecret } from './documents/read-secret.ts';
import type { Checked } from './documents/validate.ts';
import type { Connector, Secret } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { levelOf, orgOf, projectOf } from './domain/scope.ts';
import type { StoredConnector } from './store/connectors.ts';
import type { StoredSecret } from './store/secrets.ts';

/** Throws a `RequestError` where this version can't read a document that an older one has accepted. */
export function connectorOf(stored: StoredConnector): Connector {
  if (stored.generation === 'FirstGen') return readFirstGenConnector(stored);
  return { ...valid(readConnector(stored.document), 'connector', stored), uuid: stored.uuid };
}

/** As `connectorOf`. */
export function secretOf(stored: StoredSecret): Secret {
  if (stored.generation === 'FirstGen') return readFirstGenSecret(stored);
  const source = valid(readSecret(stored.document), 'secret', stored);
  const { valueIsEmpty: _, content: __, valueProblem, ...secret } = source;
  if (valueProblem) {
    throw new RequestError(
      'INVALID_REQUEST',
      'Input values passed can not be converted to TemplateInput map. Parsing error : ' +
        valueProblem.problems.join('; '),
    );
  }
  return { ...secret, uuid: stored.uuid };
}

function valid<T>(checked: Checked<T>, kind: string, id: Reference): T {
  if (checked.ok) return checked.value;
  const what = `the stored ${kind} ${formatReference(id)} is not valid in this version`;
  throw new RequestError('INVALID_REQUEST', [`${what}; apply it again:`, ...checked.problems]);
}

/** What the original says of a manager that is not there, or that the caller may not know of. */
export function noSuchManager({ scope, identifier }: Reference): RequestError {
  const places: Record<ReturnType<typeof levelOf>, string> = {
    account: 'in this scope.',
    org: `in org: ${orgOf(scope)}`,
    project: `in org: ${orgOf(scope)} and project: ${projectOf(scope)}`,
  };
  return new RequestError(
    'SECRET_MANAGEMENT_ERROR',
    `No such secret manager found with identifier ${identifier} ${places[levelOf(scope)]}`,
  );
}

/** The same for a secret; the original's code, which decides how the text begins. */
export function noSuchSecret({ identifier }: Reference): RequestError {
  return new RequestError(
    'INVALID_REQUEST',
    `Secret with identifier ${identifier} does not exist in this scope`,
  );
}

/** The same for a template or a version of one. */
export function noSuchTemplate(id: Reference & { readonly versionLabel?: string | undefined }): RequestError {
  const version = id.versionLabel === undefined ? '' : `@${id.versionLabel}`;
  return new RequestError('RESOURCE_NOT_FOUND', `there is no template ${formatReference(id)}${version}`);
}
