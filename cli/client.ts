/** Talks to the control plane's native API. */
import { type Clock, sleep, systemClock } from '../protocol/index.ts';
import type { ClientSettings } from './settings.ts';

/** The control plane refused a request, or could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The control plane's own word for the kind of refusal. */
  readonly code: string | undefined;
  /** Every problem that it has found; empty where it said none. */
  readonly problems: readonly string[];
  /** There were too many requests; when there may be another one. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    { code, problems = [], retryAfterSeconds }: Partial<Omit<ApiError, keyof Error>> = {},
  ) {
    super(message);
    this.code = code;
    this.problems = problems;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Whatever JSON the other side sent; each command reads its own fields from it. */
export type Json = Readonly<Record<string, unknown>>;

export interface Client {
  get(path: string): Promise<Json>;
  post(path: string, body: object): Promise<Json>;
  delete(path: string): Promise<Json>;
  /** The lines of a stream of events. */
  events(path: string, body: object, signal: AbortSignal): AsyncGenerator<Json>;
}

export interface ClientOptions {
  readonly clock?: Clock;
  /** Hears that a request waits, as there have been too many. */
  readonly waiting?: (seconds: number) => void;
}

/** How long the control plane may let a request wait, and how often. */
const longestWaitSeconds = 60;
const mostWaits = 3;

export function createClient(
  { server, apiKey }: ClientSettings,
  { clock = systemClock, waiting = () => {} }: ClientOptions = {},
): Client {
  async function send(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
    const base = server.pathname.replace(/\/+$/, '');
    let response: Response;
    try {
      response = await fetch(new URL(`${base}/api/v1${path}`, server), {
        method,
        // Following one would hand the key to whoever the answer names.
        redirect: 'manual',
        headers: { 'x-api-key': apiKey, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      const cause = causeOf(error);
      const hint = untrusted.has(cause)
        ? "its certificate is not from a CA that is trusted here: put the CA's certificate into LEGATE_CA_FILE"
        : 'is LEGATE_SERVER right?';
      throw new ApiError(`cannot reach the control plane at ${server.origin} (${cause}); ${hint}`);
    }
    if (response.ok) return response;
    throw await refusalOf(response);
  }
  /** Of requests that do nothing more when they are made again. */
  async function sendPatiently(method: 'GET' | 'DELETE', path: string): Promise<Response> {
    for (let waits = 0; ; waits += 1) {
      try {
        return await send(method, path);
      } catch (error) {
        const seconds = error instanceof ApiError ? error.retryAfterSeconds : undefined;
        if (seconds === undefined || seconds > longestWaitSeconds || waits === mostWaits) throw error;
        waiting(seconds);
        await sleep(clock, seconds * 1_000);
      }
    }
  }
  return {
    get: async path => toJson(await textOf(await sendPatiently('GET', path))),
    post: async (path, body) => toJson(await textOf(await send('POST', path, body))),
    delete: async path => toJson(await textOf(await sendPatiently('DELETE', path))),
    async *events(path, body, signal) {
      const response = await send('POST', path, body, signal);
      for await (const line of linesOf(response, signal)) if (line.trim() !== '') yield toJson(line);
    },
  };
}

const untrusted: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);
const cutOff = 'the connection to the control plane broke before the answer was complete';

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new ApiError(`${cutOff} (${causeOf(error)})`);
  }
}

/** The lines of an answer as they arrive. A last one without its end was cut off, and is none. */
async function* linesOf({ body }: Response, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const bytes of body ?? []) {
      const pieces = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = pieces.pop() ?? '';
      yield* pieces;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(`${cutOff} (${causeOf(error)}); the fetch may not have been completed`);
  }
  if (rest !== '') throw new ApiError(`${cutOff}; the fetch may not have been completed`);
}

/** Nothing of the answer gets into the error: it may hold a value. */
function toJson(text: string): Json {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (typeof data === 'object' && data !== null && !Array.isArray(data))
    return Object.fromEntries(Object.entries(data));
  throw new ApiError('the answer is not a JSON object; is LEGATE_SERVER the address of a control plane?');
}

async function refusalOf(response: Response): Promise<ApiError> {
  if (response.status === 401)
    return new ApiError('the control plane does not know this API key (LEGATE_API_KEY)');
  const retryAfterSeconds = waitOf(response);
  const target = response.headers.get('location');
  if (response.status < 400 && target !== null)
    return new ApiError(`the control plane sends us to ${target}; if that is right, make it LEGATE_SERVER`);
  try {
    const { message, code, problems, correlationId } = toJson(await textOf(response));
    if (typeof message === 'string') {
      const text = response.status < 500 ? message : `${message} (${String(correlationId)})`;
      const details = Array.isArray(problems) ? problems.map(String) : [];
      return new ApiError(text, {
        code: typeof code === 'string' ? code : undefined,
        problems: details,
        retryAfterSeconds,
      });
    }
  } catch {
    // Not ours: a proxy's page, most likely.
  }
  if (response.status === 429)
    return new ApiError('too many requests (status 429); try again later', { retryAfterSeconds });
  return new ApiError(`the control plane answered with status ${response.status}`);
}

/** Of 429 only, and in seconds: a proxy may write a date. */
function waitOf({ status, headers }: Response): number | undefined {
  const text = headers.get('retry-after') ?? '';
  return status === 429 && /^[0-9]{1,6}$/.test(text) ? Number(text) : undefined;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return error instanceof Error ? error.message : 'unknown error';
}
