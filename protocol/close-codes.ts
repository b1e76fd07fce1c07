/** Why a websocket was closed. The 44xx codes are ours; PROTOCOL.md describes each of them. */
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
  /** No version of the protocol is spoken by both sides. Fatal. */
  unsupportedProtocol: 4406,
  /** No `hello` within the time allowed. */
  helloTimeout: 4408,
  /** The same instance has connected again; the older socket is closed. */
  superseded: 4409,
} as const;

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
        'the control plane does not know this delegate token: make one with "legate delegate token create NAME"',
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
]);

/** What a fatal close code means; undefined for codes after which one reconnects. */
export function fatalClose(code: number): { exitCode: number; explanation: string } | undefined {
  return fatal.get(code);
}
