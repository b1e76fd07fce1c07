/** JSON Web Tokens (RFC 7519), as far as both sides must tell them from delegate tokens. */

/** Does it look like one? A delegate token has no dots. */
export const isJwt = (token: string): boolean =>
  /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(token);
