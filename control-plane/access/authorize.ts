/** The two answers that a caller without the right can get: "you may not", and "there is no such thing". */
import { accessDenied, type RequestError } from '../domain/errors.ts';
import { type Action, allows, type Caller, type Target } from '../domain/permissions.ts';

/** May the caller know that this is there? */
export function visible(caller: Caller, target: Target): boolean {
  return allows(caller.grants, 'view', target);
}

/**
 * Throws `ACCESS_DENIED` where the caller may not do this in the target's scope. For what is not looked up: to
 * create something, to list, to administer. The answer must not depend on what is there, so ask before looking.
 */
export function authorize(caller: Caller, action: Action, target: Target): void {
  if (!allows(caller.grants, action, target)) throw accessDenied();
}

/**
 * Throws where the caller may not do this to something that was found: `ACCESS_DENIED` to those who may know of it,
 * and to others exactly what they would get if it were not there. `notFound` must be the one that is thrown where
 * the lookup finds nothing.
 */
export function authorizeFound(
  caller: Caller,
  action: Action,
  target: Target,
  notFound: () => RequestError,
): void {
  if (allows(caller.grants, action, target)) return;
  throw visible(caller, target) ? accessDenied() : notFound();
}
