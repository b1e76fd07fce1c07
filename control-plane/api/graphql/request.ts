/** The bodies that requests come in, each as the JSON body that the GraphQL server reads. */
import type { FastifyRequest } from 'fastify';

export interface ReadRequest {
  readonly request: Request;
  /** The part `file` of a form. */
  readonly file: Uint8Array | undefined;
}

/** A body that can't be read, in words for whoever sent it. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
}

// The server behind it looks at the path; which of ours a request came through makes no difference.
const address = 'http://control-plane.invalid/graphql';

/** Throws a `BodyError` for a form that is none, or has not the part `query`. */
export async function readRequest(
  { method, headers, url, body }: FastifyRequest,
  signal: AbortSignal,
): Promise<ReadRequest> {
  const accept = headers.accept ?? '*/*';
  const query = url.includes('?') ? url.slice(url.indexOf('?')) : '';
  if (method !== 'POST') {
    for (const name of ['variables', 'extensions']) assertJson(new URLSearchParams(query).get(name), name);
    return {
      request: new Request(address + query, { method, headers: { accept }, signal }),
      file: undefined,
    };
  }
  const bytes = Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.alloc(0);
  const type = headers['content-type'] ?? '';
  let text: string | Buffer<ArrayBuffer> = bytes;
  let file: Uint8Array | undefined;
  if (/^multipart\/form-data\b/i.test(type)) ({ text, file } = await readForm(bytes, type));
  else if (/^text\/plain\b/i.test(type)) text = JSON.stringify({ query: queryText(bytes.toString()) });
  const request = new Request(address, {
    method,
    headers: { accept, 'content-type': 'application/json' },
    body: text,
    signal,
  });
  return { request, file };
}

/** Looked at here, as the library's own error would quote what was sent. */
function assertJson(text: string | null, name: string): void {
  if (text === null || text === '') return;
  try {
    JSON.parse(text);
  } catch {
    throw new BodyError(`The parameter "${name}" is not JSON.`);
  }
}

function queryText(text: string): string {
  // No query begins like this. Many a client says text/plain where nobody told it what it sends.
  if (/^\s*\{\s*"/.test(text))
    throw new BodyError('The body is JSON, but its content-type is text/plain: send it as application/json.');
  return text;
}

async function readForm(bytes: Buffer<ArrayBuffer>, type: string) {
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData().catch(() => {
    throw new BodyError('The body is not the multipart/form-data that its content-type announces.');
  });
  const query = form.get('query');
  const file = form.get('file');
  if (query === null)
    throw new BodyError('The form needs a part "query": the request as JSON. The part "file" holds bytes.');
  return {
    text: typeof query === 'string' ? query : await query.text(),
    file: file === null ? undefined : typeof file === 'string' ? Buffer.from(file) : await bytesOf(file),
  };
}

const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());
