/** How FirstGen's operations refuse: the contract's texts, by class of error. */
import { RequestError } from '../domain/errors.ts';

export const invalidRequest = (text: string) => new RequestError('INVALID_REQUEST', text);
export const invalidArgument = (text: string | readonly string[]) =>
  new RequestError('INVALID_ARGUMENT', text);
/** A class whose texts have no prefix. */
export const refusal = (text: string | readonly string[]) =>
  new RequestError('SECRET_MANAGEMENT_ERROR', text);
export const notFound = (text: string) => new RequestError('RESOURCE_NOT_FOUND', text);

/** Somebody else was faster. */
export const overtaken = (what: string) =>
  invalidRequest(
    `${what} was changed by somebody else in the meantime, so that nothing was saved; read it again and repeat your change`,
  );
