/** Is a delegate what its token allows? */
import { closeCode, delegateNamePattern, type Hello } from '../../protocol/index.ts';
import type { Link } from '../dispatch/link.ts';
import type { TokenFacts } from './token-session.ts';

export interface Refusal {
  readonly code: number;
  /** For the delegate. */
  readonly reason: string;
  /** For our log only. */
  readonly told: Readonly<Record<string, unknown>>;
}

type TagSet = (hello: Hello) => ReadonlySet<string>;

/** Why its name or its tags are refused; undefined: they are not. */
export function refusalOf(hello: Hello, token: TokenFacts, tagSet: TagSet): Refusal | undefined {
  const { nameRefused, tagRefused } = closeCode;
  if (!new RegExp(delegateNamePattern).test(hello.name))
    return { code: nameRefused, reason: 'the name is malformed', told: { token: token.name } };
  const told = { token: token.name, delegate: hello.name };
  if (token.delegateNames.length > 0 && !token.delegateNames.includes(hello.name))
    return { code: nameRefused, reason: 'the token is for delegates of other names', told };
  if (token.tags.length === 0) return undefined;
  const allowed = allowedTags(hello, token, tagSet);
  const claimed = [...tagSet({ ...hello, name: '', hostName: '' })].filter(tag => !allowed.has(tag));
  if (claimed.length === 0) return undefined;
  return { code: tagRefused, reason: 'the token is for delegates of other tags', told: { ...told, claimed } };
}

/**
 * What selectors are compared with. Where a token says which tags its delegates may have, their names and host names,
 * which they say themselves, are tags only as far as the token names them.
 */
export function allowedTagSet(hello: Hello, token: TokenFacts, tagSet: TagSet): ReadonlySet<string> {
  const all = tagSet(hello);
  if (token.tags.length === 0) return all;
  const allowed = allowedTags(hello, token, tagSet);
  return new Set([...all].filter(tag => allowed.has(tag)));
}

const allowedTags = (hello: Hello, token: TokenFacts, tagSet: TagSet) =>
  tagSet({ ...hello, name: '', hostName: '', tags: [...token.tags, ...token.delegateNames] });

/**
 * Two delegates with one name are replicas of each other when they serve the same scope; else one of them is not who
 * it seems to be. The one that came first stays.
 */
export function clashOf(hello: Hello, token: TokenFacts, links: Iterable<Link>): Refusal | undefined {
  for (const link of links) {
    // A process that comes back with another token is no other delegate.
    if (link.name !== hello.name || link.scope === token.scope || link.instance === hello.instance) continue;
    return {
      code: closeCode.nameTaken,
      reason: 'a delegate of another scope is connected with this name',
      told: {
        delegate: hello.name,
        token: token.name,
        scope: token.scope,
        connectedScope: link.scope,
        connectedHost: link.hostName,
      },
    };
  }
  return undefined;
}
