/** What a request is about: references and scopes as callers write them. */
import type { FastifyRequest } from 'fastify';
import { authorize } from '../access/authorize.ts';
import { type Reference, resolveReference } from '../domain/reference.ts';
import { type Scope, scopeOf } from '../domain/scope.ts';
import { callerOf } from './caller.ts';

/** The scope in which a reference without prefix, or with `org.`, is to be read. */
export interface Place {
  readonly orgIdentifier?: string;
  readonly projectIdentifier?: string;
}

/** A reference as a caller writes it: absolute, or to be read in the scope that is named beside it. */
export function referenceOf(text: string, { orgIdentifier, projectIdentifier }: Place): Reference {
  return resolveReference(text, scopeOf(orgIdentifier, projectIdentifier));
}

/** The scope that a list is of; a caller who may not view it is told the same as for one that holds nothing. */
export function scopeFor(request: FastifyRequest, { orgIdentifier, projectIdentifier }: Place): Scope {
  const scope = scopeOf(orgIdentifier, projectIdentifier);
  authorize(callerOf(request), 'view', { scope });
  return scope;
}

export const byIdentifier = <T extends Reference>(items: readonly T[]) =>
  items.toSorted((a, b) => (a.identifier < b.identifier ? -1 : 1));
