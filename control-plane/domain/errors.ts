/**
 * A request that can't be met, in words for whoever made it. Clients of the original match on the rendered
 * text, so the code decides how the message begins.
 */
export type ErrorCode =
  | 'INVALID_REQUEST'
  | 'INVALID_ARGUMENT'
  | 'RESOURCE_NOT_FOUND'
  | 'SECRET_MANAGEMENT_ERROR'
  | 'ENCRYPT_DECRYPT_ERROR'
  | 'INVALID_IDENTIFIER_REF'
  | 'UNRESOLVED_EXPRESSION'
  | 'CYCLIC_REFERENCE'
  | 'ACCESS_DENIED'
  | 'USER_NOT_AUTHORIZED'
  | 'TOO_MANY_REQUESTS';

const prefixes: Record<ErrorCode, string> = {
  INVALID_REQUEST: 'Invalid request: ',
  INVALID_ARGUMENT: 'Invalid argument(s): ',
  RESOURCE_NOT_FOUND: 'Resource not found: ',
  SECRET_MANAGEMENT_ERROR: '',
  ENCRYPT_DECRYPT_ERROR: '',
  INVALID_IDENTIFIER_REF: '',
  UNRESOLVED_EXPRESSION: '',
  CYCLIC_REFERENCE: '',
  ACCESS_DENIED: 'User not authorized: ',
  USER_NOT_AUTHORIZED: 'User not authorized',
  TOO_MANY_REQUESTS: '',
};

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ErrorCode;
  /** Every problem that was found, where there is more than one. */
  readonly problems: readonly string[];

  /** `cause`: a fault of ours behind it, for the log. */
  constructor(code: ErrorCode, message: string | readonly string[], cause?: unknown) {
    const problems = typeof message === 'string' ? [message] : message;
    super(prefixes[code] + problems.join('\n'), cause === undefined ? undefined : { cause });
    this.code = code;
    this.problems = problems;
  }
}

/** A caller without the right gets this, whatever the reason; what does not exist for it is "not found". */
export const accessDenied = () => new RequestError('ACCESS_DENIED', 'ACCESS_DENIED');
