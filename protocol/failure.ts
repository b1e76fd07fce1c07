/**
 * The guarded list of reasons why a task, and with it a fetch, can fail. Adding one means deciding who may
 * set it, whether another delegate may do better, and what the user is told.
 */

/** Who may set a reason: a delegate in `failed`, the control plane by itself, or either of them. */
export type SetBy = 'agent' | 'control-plane' | 'either';

interface ReasonFacts {
  readonly setBy: SetBy;
  /** May a try on another delegate succeed? A fetch is read-only, so repeating it does no harm. */
  readonly retryElsewhere: boolean;
  /** The machine code that clients of the original product match on. */
  readonly code: string;
  /** What the user is told. Facts of the one case (exit code, names) are added as detail, never a value. */
  readonly explanation: string;
}

const reasons = {
  'script-failed': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'SCRIPT_EXIT_NONZERO',
    explanation: 'The script ended with an error. See its exit code and the end of its error output.',
  },
  'empty-value': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'EMPTY_VALUE',
    explanation: 'The script succeeded, but its variable "secret" was empty or null at the end.',
  },
  'value-too-large': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'INVALID_VALUE',
    explanation: 'The value is larger than 1 MiB, the most that a secret may hold.',
  },
  'invalid-value': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'INVALID_VALUE',
    explanation:
      'The value is not valid UTF-8 text. Let the script encode binary data, for instance as base64.',
  },
  'timed-out': {
    setBy: 'either',
    retryElsewhere: false,
    code: 'TIMEOUT',
    explanation: "The time limit ended before there was a value. The limit is the connector's timeout.",
  },
  cancelled: {
    setBy: 'either',
    retryElsewhere: false,
    code: 'CANCELLED',
    explanation: 'The fetch was cancelled before there was a value.',
  },
  'rejected-by-delegate': {
    setBy: 'either',
    retryElsewhere: true,
    code: 'REJECTED_BY_DELEGATE',
    explanation: 'The delegate refused to run the task.',
  },
  'no-eligible-delegate': {
    setBy: 'control-plane',
    retryElsewhere: false,
    code: 'NO_ELIGIBLE_DELEGATE',
    explanation: 'There are no eligible delegates available in the account to execute the task.',
  },
  'delegates-busy': {
    setBy: 'control-plane',
    retryElsewhere: false,
    code: 'DELEGATE_BUSY',
    explanation:
      'All delegates that fit are busy, and too many fetches wait for one already. Try again later.',
  },
  'delegate-lost': {
    setBy: 'control-plane',
    retryElsewhere: true,
    code: 'DELEGATE_DISCONNECTED',
    explanation: 'The delegate disconnected while executing the task, and no other one could take over.',
  },
  'host-unreachable': {
    setBy: 'agent',
    retryElsewhere: true,
    code: 'HOST_UNREACHABLE',
    explanation: 'The delegate could not reach the target host.',
  },
  'host-key-unknown': {
    setBy: 'agent',
    retryElsewhere: true,
    code: 'HOST_KEY_UNKNOWN',
    explanation: 'The target host showed a host key, and nobody has said which one to expect.',
  },
  'host-key-mismatch': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'HOST_KEY_MISMATCH',
    explanation: 'The target host showed a host key that is not the expected one.',
  },
  'host-key-exchange-failed': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'HOST_KEY_EXCHANGE_FAILED',
    explanation: 'The delegate and the target host have no algorithm in common that either accepts.',
  },
  'host-authentication-failed': {
    setBy: 'agent',
    retryElsewhere: false,
    code: 'AUTH_FAILED',
    explanation: 'The target host refused the login.',
  },
  'host-channel-refused': {
    setBy: 'agent',
    retryElsewhere: true,
    code: 'HOST_CHANNEL_REFUSED',
    explanation: 'The target host let the delegate in, but would not run a command for it.',
  },
  'host-connection-lost': {
    setBy: 'agent',
    retryElsewhere: true,
    code: 'HOST_CONNECTION_LOST',
    explanation: 'The connection to the target host broke while the script was running there.',
  },
  'working-directory-missing': {
    setBy: 'agent',
    retryElsewhere: true,
    code: 'WORKING_DIRECTORY_MISSING',
    explanation: "The connector's working directory does not exist or cannot be entered there.",
  },
  'shell-missing': {
    setBy: 'agent',
    retryElsewhere: true,
    code: 'SHELL_MISSING',
    explanation: 'There is no bash where the script should run.',
  },
  'unresolved-input': {
    setBy: 'either',
    retryElsewhere: false,
    code: 'UNRESOLVED_EXPRESSION',
    explanation: 'An input of the template has no value, or its value could not be opened.',
  },
  'protocol-error': {
    setBy: 'either',
    retryElsewhere: true,
    code: 'PROTOCOL_ERROR',
    explanation: 'The delegate and the control plane did not understand each other. Compare their versions.',
  },
  internal: {
    setBy: 'either',
    retryElsewhere: true,
    code: 'INTERNAL',
    explanation: 'Legate itself failed. The logs of the part that says so hold the details.',
  },
} as const satisfies Record<string, ReasonFacts>;

export type FailureReason = keyof typeof reasons;

/** Every reason, in the order of the list. */
export const failureReasons = Object.keys(reasons).filter(isFailureReason);

/** Tells a reason of the list from any other text. */
export function isFailureReason(text: string): text is FailureReason {
  return Object.hasOwn(reasons, text);
}

/** What the list says about a reason. */
export function factsOf(reason: FailureReason): ReasonFacts {
  return reasons[reason];
}

/**
 * Everything a user gets to know of a failed task. No field ever holds a value, an input marked secret, a
 * credential or a rendered program: `stderrTail` is redacted before it is put here.
 */
export interface Failure {
  readonly reason: FailureReason;
  /** The facts of this one case, in a sentence. */
  readonly detail?: string;
  /** The script's exit code, where it ended by itself. */
  readonly exitCode?: number;
  /** The signal that ended the script, as in `SIGKILL`. */
  readonly signal?: string;
  /** The end of the script's error output, redacted, at most 4 KiB. */
  readonly stderrTail?: string;
}
