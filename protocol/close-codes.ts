/** Why a connection was closed, with the numbers that websockets use. The 44xx codes are ours; PROTOCOL.md describes each of them. */
export const closeCode = {
  normal: 1000,
  /** The control plane stops or restarts: come back after a pause. */
  goingAway: 1001,
  /** A frame was larger than allowed; sent by the websocket library itself. */
  messageTooBig: 1009,
  /** The control plane failed at something that has nothing to do with this delegate. */
  internalError: 1011,
  /** A frame broke the schema, or was not allowed at this point. */
  protocolError: 4400,
  /** The token is unknown. Fatal. */
  badToken: 4401,
  /** The delegate's name is malformed, or not allowed for this token. Fatal. */
  nameRefused: 4403,
  /** There is no such polling session, or not for this token: open one. */
  noSession: 4404,
  /** No version of the protocol is spoken by both sides. Fatal. */
  unsupportedProtocol: 4406,
  /** No `hello` within the time allowed. */
  helloTimeout: 4408,
  /** The same instance has connected again; the older socket is closed. */
  superseded: 4409,
  /** A delegate of another scope is connected with this name. */
  nameTaken: 4410,
  /** The token, or the credential that was shown for it, has ended. Fatal. */
  tokenExpired: 4411,
  /** The token was revoked. Fatal. */
  tokenRevoked: 4412,
  /** The delegate claims a tag that the token does not allow. Fatal. */
  tagRefused: 4413,
  /** The token does not count at the address where the delegate comes from. Fatal. */
  addressRefused: 4414,
  /** The delegate has shown no client certificate, or none that counts. */
  certificateRefused: 4420,
  /** Too many delegates come at once: the reason names the delay after which to come back. */
  comeBackLater: 4429,
} as const;

/** The longest delay that is named, or that a delegate waits where a longer one is. */
export const mostDelayMs = 60_000;

/** The reason that goes with `comeBackLater`. */
export function comeBackReason(delayMs: number): string {
  return `come back in ${Math.round(Math.min(delayMs, mostDelayMs))} ms`;
}

/** The delay that a close names, in milliseconds; undefined where it names none. */
export function namedDelayMs(code: number, reason: string): number | undefined {
  const [, digits] =
    (code === closeCode.comeBackLater && /^come back in ([0-9]{1,9}) ms$/.exec(reason)) || [];
  return digits === undefined ? undefined : Math.min(Number(digits), mostDelayMs);
}

/**
 * Close codes after which trying again cannot help, each with the exit code of `legate agent` and the one
 * line it prints.
 */
const fatal: ReadonlyMap<number, { exitCode: number; explanation: string }> = new Map([
  [
    closeCode.badToken,
    {
      exitCode: 3,
      explanation:
        'the control plane does not know this delegate token: make one with "legate delegate token create NAME"; of a JWT its log says what is wrong',
    },
  ],
  [
    closeCode.nameRefused,
    {
      exitCode: 4,
      explanation:
        'the control plane refuses this delegate name: set LEGATE_NAME to one that the token allows',
    },
  ],
  [
    closeCode.unsupportedProtocol,
    {
      exitCode: 5,
      explanation:
        "the control plane does not speak this agent's protocol version (legate.v1): use versions that fit",
    },
  ],
  [
    closeCode.tokenExpired,
    {
      exitCode: 6,
      explanation:
        'this delegate token has ended: make a new one with "legate delegate token rotate NAME" or "create NAME"; a JWT is renewed by its issuer',
    },
  ],
  [
    closeCode.tokenRevoked,
    {
      exitCode: 7,
      explanation:
        'this delegate token was revoked, or the issuer of this JWT is no longer trusted: "legate delegate token create NAME" makes another one',
    },
  ],
  [
    closeCode.tagRefused,
    {
      exitCode: 8,
      explanation:
        'the control plane refuses a tag of this delegate: set LEGATE_TAGS to those that the token allows',
    },
  ],
  [
    closeCode.addressRefused,
    {
      exitCode: 9,
      explanation:
        'this delegate token does not count at this address: run the delegate where the token allows it',
    },
  ],
]);

/** Codes that say of the token itself that it does not count: another one may. */
const aboutTheToken: ReadonlySet<number> = new Set([
  closeCode.badToken,
  closeCode.tokenExpired,
  closeCode.tokenRevoked,
]);

/** Was it the token that was refused, and not who showed it? */
export function isTokenRefusal(code: number): boolean {
  return aboutTheToken.has(code);
}

/** What a fatal close code means; undefined for codes after which one reconnects. */
export function fatalClose(code: number): { exitCode: number; explanation: string } | undefined {
  return fatal.get(code);
}
