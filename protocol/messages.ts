/**
 * What the two sides may say: the single definition, from which the types are inferred and the validators
 * compiled. PROTOCOL.md says in prose what each message means.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { type FailureReason, failureReasons } from './failure.ts';
import { limits } from './limits.ts';
import { traceparentPattern } from './tracing.ts';

/** The websocket subprotocol. A change that an older peer would misread needs a new one. */
export const subprotocol = 'legate.v1';

/** The path of the delegates' websocket, below the control plane's URL. */
export const delegatePath = '/api/v1/delegates/connect';

const object = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });
const text = (maxLength: number, minLength = 0) => Type.String({ minLength, maxLength });
const count = (maximum: number, minimum = 0) => Type.Integer({ minimum, maximum });

/** An X25519 public key as a JWK (RFC 8037). */
export const PublicKey = object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('X25519'),
  x: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
});
export type PublicKey = Static<typeof PublicKey>;

/** A delegate's name: letters, digits, `.`, `_` and `-`, as host names and Harness delegate names are. */
export const delegateNamePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$';

const digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
const remainingMs = count(24 * 3_600_000, 1);
/** The identity of work: a late message of an older attempt belongs to nothing. */
const identity = { task: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }), attempt: count(1_000, 1) };
/** A JWE in compact form: three dots more than base64url. */
const sealed = (plainBytes: number) =>
  Type.String({
    pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]*){4}$',
    maxLength: Math.ceil(plainBytes * 1.34) + 1_024,
  });

const Reason = Type.Unsafe<FailureReason>(Type.String({ enum: [...failureReasons] }));

const Input = Type.Union([
  object({ kind: Type.Literal('plain'), data: text(limits.input) }),
  /** The data is a JWE for the agent's key, bound to this task, attempt and position. */
  object({ kind: Type.Literal('sealed'), data: sealed(limits.input) }),
]);

const credentialId = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' });

/** How to log in to a host; `sealed` opens to a `HostCredential`. */
const Credential = Type.Union([
  object({
    kind: Type.Literal('sealed'),
    data: sealed(limits.input),
    /** What the control plane calls it, for `forget`. */
    id: Type.Optional(credentialId),
  }),
  /** One that only the delegate holds, by the name it has there. */
  object({
    kind: Type.Literal('delegate'),
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' }),
  }),
]);

const hop = {
  /** A name (an international one in its ASCII form) or an address. What a shell could take for more is not even sent. */
  host: Type.String({ pattern: '^[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,254}$' }),
  port: count(65_535, 1),
  user: Type.String({ pattern: '^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,254}$' }),
  credential: Credential,
  /** `SHA256:…` of the keys that the host may show; empty: the delegate's own list decides. */
  hostKeys: Type.Array(Type.String({ pattern: '^SHA256:[A-Za-z0-9+/]{43}$' }), { maxItems: 20 }),
};

const HostTarget = object({
  kind: Type.Literal('host'),
  ...hop,
  /** Algorithms that are not considered safe any more, for hosts that know no others. */
  legacyAlgorithms: Type.Optional(Type.Boolean()),
  /** Hosts on the way, the first one first. */
  jumps: Type.Array(object(hop), { maxItems: 8 }),
});

const toDelegate = {
  welcome: object({
    type: Type.Literal('welcome'),
    serverVersion: text(64),
    /** How often the control plane expects a `heartbeat`. */
    heartbeatMs: count(600_000, 100),
  }),
  task: object({
    type: Type.Literal('task'),
    ...identity,
    remainingMs,
    program: object({
      shell: Type.Literal('bash'),
      text: text(limits.program, 1),
      digest,
    }),
    inputs: Type.Array(Input, { maxItems: limits.inputs }),
    workingDirectory: Type.Optional(text(4_096, 1)),
    /** Where the script runs; left out: on the delegate itself. */
    target: Type.Optional(HostTarget),
    recipient: PublicKey,
    /** Send the script's redacted error output as `log` messages, also when it succeeds. */
    logs: Type.Optional(Type.Boolean()),
    /** The same while the script runs, before the value is known: for tests of a connection only. */
    liveLogs: Type.Optional(Type.Boolean()),
    /** What it yields may be shared with other tasks that would run the same thing. */
    share: Type.Optional(
      object({
        /** Grows with every change: what was had under another one does not count. */
        version: text(200, 1),
        /** How long what a run yields may be given again, from the run's beginning; 0: only while it runs. */
        ttlMs: count(24 * 3_600_000),
        /** Give nothing that was begun before this task; what it yields replaces what is kept. */
        fresh: Type.Optional(Type.Boolean()),
      }),
    ),
    /** The value is what this key holds in the JSON object that the program yields. Only asked of who has the feature. */
    pick: Type.Optional(text(256, 1)),
    /** For the delegate's log only: what this fetch is about, in references, never values. */
    subject: Type.Optional(object({ secret: text(300), connector: text(300), template: text(300) })),
    /** Whoever traces goes on with this trace. */
    traceparent: Type.Optional(Type.String({ pattern: traceparentPattern })),
    /** The control plane tries the whole way: nobody wants the value, and the outcome says how this delegate is. */
    synthetic: Type.Optional(Type.Boolean()),
  }),
  cancel: object({ type: Type.Literal('cancel'), ...identity }),
  drain: object({ type: Type.Literal('drain') }),
  forget: object({ type: Type.Literal('forget'), credential: credentialId }),
  'rotate-token': object({ type: Type.Literal('rotate-token') }),
  'token-known': object({ type: Type.Literal('token-known'), digest }),
  'token-accepted': object({ type: Type.Literal('token-accepted'), digest }),
  'token-refused': object({ type: Type.Literal('token-refused'), digest, reason: text(120) }),
};

const toControlPlane = {
  hello: object({
    type: Type.Literal('hello'),
    name: text(128, 1),
    instance: Type.String({ pattern: '^[A-Za-z0-9_-]{8,64}$' }),
    hostName: text(255),
    agentVersion: text(64, 1),
    tags: Type.Array(text(256, 1), { maxItems: 200 }),
    capacity: count(10_000, 1),
    shells: Type.Array(Type.String({ pattern: '^[a-z]{1,32}$' }), { maxItems: 10 }),
    publicKey: PublicKey,
    /** Where else than here it runs programs. An agent that does not know the word would run everything here. */
    targets: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z]{1,32}$' }), { maxItems: 10 })),
    /** Only tell me whether I may connect (`legate agent --check`): I take no tasks. */
    check: Type.Optional(Type.Boolean()),
    /** My token is in a file that I can replace: `rotate-token` may be asked of me. */
    tokenFile: Type.Optional(Type.Boolean()),
    /** What I can do beyond what every agent of this version does. */
    features: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z][a-z-]{0,31}$' }), { maxItems: 50 })),
  }),
  accepted: object({ type: Type.Literal('accepted'), ...identity }),
  rejected: object({
    type: Type.Literal('rejected'),
    ...identity,
    why: Type.Unsafe<'at-capacity' | 'draining' | 'duplicate' | 'refused'>(
      Type.String({ enum: ['at-capacity', 'draining', 'duplicate', 'refused'] }),
    ),
    detail: Type.Optional(text(1_000)),
  }),
  log: object({ type: Type.Literal('log'), ...identity, text: text(limits.log) }),
  value: object({
    type: Type.Literal('value'),
    ...identity,
    seq: count(limits.chunks - 1),
    final: Type.Boolean(),
    sealed: sealed(limits.chunk),
  }),
  succeeded: object({
    type: Type.Literal('succeeded'),
    ...identity,
    chunks: count(limits.chunks, 1),
    durationMs: count(24 * 3_600_000),
    /** It was another task's run that yielded the value, and so long ago that run began. */
    ageMs: Type.Optional(count(48 * 3_600_000)),
  }),
  failed: object({
    type: Type.Literal('failed'),
    ...identity,
    reason: Reason,
    detail: Type.Optional(text(1_000)),
    exitCode: Type.Optional(count(255)),
    signal: Type.Optional(Type.String({ pattern: '^SIG[A-Z0-9]{1,12}$' })),
    stderrTail: Type.Optional(text(limits.stderrTail)),
    durationMs: count(24 * 3_600_000),
  }),
  heartbeat: object({
    type: Type.Literal('heartbeat'),
    running: Type.Array(object(identity), { maxItems: 10_000 }),
    /** Takes no more tasks. */
    draining: Type.Boolean(),
  }),
  drained: object({ type: Type.Literal('drained') }),
  'token-proposed': object({ type: Type.Literal('token-proposed'), digest }),
  'token-presented': object({
    type: Type.Literal('token-presented'),
    token: Type.String({ pattern: '^[\\x21-\\x7e]{1,512}$' }),
  }),
  'jwt-presented': object({
    type: Type.Literal('jwt-presented'),
    token: Type.String({ pattern: `^[A-Za-z0-9_.-]{1,${limits.token}}$` }),
  }),
  'token-declined': object({ type: Type.Literal('token-declined'), reason: text(200) }),
};

/** The schemas of a direction, by message type. */
export const schemas = { toDelegate, toControlPlane };

type MessageOf<Schemas extends Record<string, TSchema>> = {
  [Name in keyof Schemas]: Static<Schemas[Name]>;
}[keyof Schemas];

/** What the control plane says. */
export type ToDelegate = MessageOf<typeof toDelegate>;
/** What a delegate says. */
export type ToControlPlane = MessageOf<typeof toControlPlane>;

export type Hello = Static<typeof toControlPlane.hello>;
export type Task = Static<typeof toDelegate.task>;
export type TaskInput = Static<typeof Input>;
export type HostTarget = Static<typeof HostTarget>;
export type HostHop = Omit<HostTarget, 'kind' | 'jumps' | 'legacyAlgorithms'>;
/** What is said about the delegate's own token. */
export type TokenReport = Extract<ToControlPlane, { type: `token-${string}` | 'jwt-presented' }>;
export type TokenOrder = Extract<ToDelegate, { type: `token-${string}` | 'rotate-token' }>;
/** A delegate's word about one task. */
export type Report = Exclude<ToControlPlane, { type: 'hello' | 'heartbeat' | 'drained' } | TokenReport>;

/** (task, attempt): what a message of a task is about. */
export interface TaskIdentity {
  readonly task: string;
  readonly attempt: number;
}

/** The shell variable in which input number `index` (from 0) of a program arrives. */
export const inputVariable = (index: number) => `__legate_${index + 1}`;
