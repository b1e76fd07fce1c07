import type { Action } from '../../control-plane/domain/permissions.ts';
import type { ApiRequest } from '../harness/whole-api.ts';
import type { Where } from './world.ts';

/** A route of the native API, or a field of GraphQL. */
export interface Operation {
  /** `POST /fetch`, `Query.secret`. */
  readonly name: string;
  /** What somebody needs who asks for something of the account; undefined: any key does. */
  readonly needs: Action | undefined;
  /**
   * thing: it is about something that is there or not; list: it gives what the caller may see; scope: it is about a
   * scope, whatever is in it.
   */
  readonly about: 'thing' | 'list' | 'scope';
  /** Where there is something that can be asked for. */
  readonly where: readonly Where[];
  /** What is asked of, or for, what has this word in its name. The first one is for the table of roles. */
  readonly requests: (where: Where, word: string) => readonly ApiRequest[];
}
