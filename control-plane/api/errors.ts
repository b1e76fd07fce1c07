/** How an error looks to a caller of the native API. */
import { randomUUID } from 'node:crypto';
import { AuditError } from '../audit/audit.ts';
import { type ErrorCode, RequestError } from '../domain/errors.ts';

const statuses: Record<ErrorCode, number> = {
  INVALID_REQUEST: 400,
  INVALID_ARGUMENT: 400,
  INVALID_IDENTIFIER_REF: 400,
  SECRET_MANAGEMENT_ERROR: 400,
  ENCRYPT_DECRYPT_ERROR: 400,
  UNRESOLVED_EXPRESSION: 400,
  CYCLIC_REFERENCE: 400,
  USER_NOT_AUTHORIZED: 401,
  ACCESS_DENIED: 403,
  RESOURCE_NOT_FOUND: 404,
  TOO_MANY_REQUESTS: 429,
};

export function describeError(error: unknown): { status: number; body: ReturnType<typeof errorBody> } {
  if (error instanceof RequestError) {
    const { code, message, problems } = error;
    return { status: statuses[code], body: { ...errorBody(code, problems), message } };
  }
  if (error instanceof AuditError) {
    const problem = 'this could not be recorded in the audit trail, so it was not done';
    return { status: 503, body: errorBody('AUDIT_UNAVAILABLE', [problem]) };
  }
  // The framework's own refusals (not JSON, too large) say nothing of what was sent.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500 && error instanceof Error) {
    return { status, body: errorBody('INVALID_REQUEST', [error.message]) };
  }
  return {
    status: 500,
    body: errorBody('INTERNAL', ['Legate itself failed; its log says more under this correlationId']),
  };
}

export function errorBody(code: string, problems: readonly string[]) {
  const correlationId = randomUUID();
  return { status: 'ERROR', code, message: problems.join('\n'), problems, correlationId };
}
