/** Talks to the control plane's native API. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ClientSettings } from './settings.ts';

/** The control plane refused a request, or could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
}

/** Whatever JSON the other side sent; each command reads its own fields from it. */
export type Json = Readonly<Record<string, unknown>>;

export interface Client {
  get(path: string): Promise<Json>;
  post(path: string, body: object): Promise<Json>;
  /** The lines of a stream of events. */
  events(path: string, body: object, signal: AbortSignal): AsyncGenerator<Json>;
}

export function createClient({ server, apiKey }: ClientSettings): Client {
  async function send(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
    const base = server.pathname.replace(/\/+$/, '');
    let response: Response;
    try {
      response = await fetch(new URL(`${base}/api/v1${path}`, server), {
        method,
        headers: { 'x-api-key': apiKey, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(
        `cannot reach the control plane at ${server.origin} (${causeOf(error)}); is LEGATE_SERVER right?`,
      );
    }
    if (response.ok) return response;
    throw new ApiError(await problemOf(response));
  }
  return {
    get: async path => toJson(await (await send('GET', path)).json()),
    post: async (path, body) => toJson(await (await send('POST', path, body)).json()),
    async *events(path, body, signal) {
      const response = await send('POST', path, body, signal);
      if (!response.body) return;
      const lines = createInterface({
        input: Readable.fromWeb(response.body),
        crlfDelay: Number.POSITIVE_INFINITY,
      });
      for await (const line of lines) if (line.trim() !== '') yield toJson(JSON.parse(line));
    },
  };
}

function toJson(data: unknown): Json {
  if (typeof data === 'object' && data !== null && !Array.isArray(data))
    return Object.fromEntries(Object.entries(data));
  throw new ApiError('the answer is not a JSON object; is LEGATE_SERVER the address of a control plane?');
}

async function problemOf(response: Response): Promise<string> {
  if (response.status === 401) return 'the control plane does not know this API key (LEGATE_API_KEY)';
  const text = await response.text();
  try {
    const { message, correlationId } = toJson(JSON.parse(text));
    if (typeof message === 'string')
      return response.status < 500 ? message : `${message} (${String(correlationId)})`;
  } catch {
    // Not ours: a proxy's page, most likely.
  }
  return `the control plane answered with status ${response.status}`;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return error instanceof Error ? error.message : 'unknown error';
}
