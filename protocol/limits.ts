/**
 * Sizes that both sides hold each other to. Bytes for what is sealed and for frames, Unicode characters (as
 * JSON Schema counts) for texts in messages, else a number of things. PROTOCOL.md names the unit of each.
 */
export const limits = {
  /** The largest value, after trimming. */
  value: 1_048_576,
  /** Plain bytes in one sealed `value` chunk. */
  chunk: 49_152,
  /** Chunks that a value of the largest size needs. */
  chunks: Math.ceil(1_048_576 / 49_152),
  /** The compiled program of a template. */
  program: 262_144,
  /** One input's value. */
  input: 65_536,
  /** Inputs of one task. */
  inputs: 100,
  /** The redacted end of a script's error output that travels with a failure. */
  stderrTail: 4_096,
  /** The text of one `log` message. */
  log: 16_384,
  /** What a delegate shows when it connects. One of a control plane's own is far shorter; a JWT needs it. */
  token: 8_192,
  /** `maxPayload` of the socket toward the delegate. A `task` can be legal in each of its parts and yet be larger. */
  frameToDelegate: 1_048_576,
  /** `maxPayload` of the socket toward the control plane: what fits its schema fits in here. */
  frameToControlPlane: 1_048_576,
  /** Frames of one body of a long poll, together; a larger one travels alone. Many proxies refuse more than 1 MiB. */
  batch: 262_144,
  /** One body of a long poll: the largest frame, and the envelope. */
  body: 1_052_672,
  /** What may wait to be sent on one connection: whoever lets more pile up does not read. */
  unread: 33_554_432,
  /** Messages that mean nothing, within a minute: whoever sends more of them is cut off. */
  uselessPerMinute: 1_000,
} as const;
