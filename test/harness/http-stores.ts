/**
 * Stand-ins for secret stores that are read over HTTP: real servers on 127.0.0.1 that check the credential they
 * are sent, byte for byte, and refuse as the real ones do. What they hold may be changed while they run.
 */
import { type KeyObject, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpStore extends AsyncDisposable {
  readonly url: string;
  /** Why requests were refused, in order; nothing of what they held. */
  readonly refused: string[];
}

interface Request {
  readonly method: string;
  /** The path's parts, decoded. */
  readonly path: readonly string[];
  /** A header's text as UTF-8, which is what curl sends. */
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

/** What is answered: a body, or why there is none. */
type Answer =
  | { readonly status?: number; readonly body: string }
  | { readonly status: number; readonly why: string };

const json = (data: object, status = 200): Answer => ({ status, body: JSON.stringify(data) });
const refuse = (status: number, why: string): Answer => ({ status, why });

async function serve(answer: (request: Request) => Answer): Promise<HttpStore> {
  const refused: string[] = [];
  const server = createServer((request, response) => {
    void readRequest(request).then(read => {
      const given = read ? answer(read) : refuse(400, 'the path is not a path');
      response.statusCode = given.status ?? 200;
      if ('why' in given) refused.push(`${given.status}: ${given.why}`);
      response.end('why' in given ? JSON.stringify({ errors: [given.why] }) : given.body);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    refused,
    [Symbol.asyncDispose]: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string')
    throw new Error('the server does not listen on a port');
  return address.port;
}

async function readRequest(request: IncomingMessage): Promise<Request | undefined> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  let path: string[];
  try {
    path = (request.url ?? '').slice(1).split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
  return {
    method: request.method ?? '',
    path,
    header: name => {
      const text = request.headers[name];
      return typeof text === 'string' ? Buffer.from(text, 'latin1').toString() : undefined;
    },
    body: Buffer.concat(chunks).toString(),
  };
}

export interface KvStore extends HttpStore {
  /** Entries by their path; each a set of fields. */
  readonly entries: Map<string, Readonly<Record<string, string>>>;
  /** What wrapping tokens stand for. */
  readonly wrapped: Map<string, string>;
}

/** A key-value store as Vault's: an entry is read with a token, and where `login` is given with that as well. */
export async function startKvStore(options: {
  readonly token: string;
  readonly engine?: string;
  readonly login?: { readonly user: string; readonly password: string };
}): Promise<KvStore> {
  const { token, engine = 'kv', login } = options;
  const entries = new Map<string, Readonly<Record<string, string>>>();
  const wrapped = new Map<string, string>();
  const basic = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  const store = await serve(({ method, path: [version, first, second, ...rest], header, body }) => {
    if (version !== 'v1') return refuse(404, 'no such path');
    if (header('x-vault-token') !== token) return refuse(403, 'the token is not the right one');
    if (basic !== undefined && header('authorization') !== basic)
      return refuse(401, 'the login is not right');
    if (method === 'POST' && [first, second, ...rest].join('/') === 'sys/wrapping/unwrap') {
      // A here-document ends with a newline, whatever is in it.
      const value = wrapped.get(body.replace(/\n+$/, ''));
      return value === undefined ? refuse(400, 'no such wrapping token') : json({ data: { value } });
    }
    const entry = entries.get(rest.join('/'));
    if (method !== 'GET' || first !== engine || second !== 'data' || !entry)
      return refuse(404, 'no such entry');
    return json({ data: { data: entry, metadata: { version: 1 } } });
  });
  return { ...store, entries, wrapped };
}

export interface ConjurStore extends HttpStore {
  readonly variables: Map<string, string>;
}

/** A store as Conjur: an API key buys a token of one use, which reads a variable as plain text. */
export async function startConjurStore(options: {
  readonly account: string;
  readonly login: string;
  readonly apiKey: string;
}): Promise<ConjurStore> {
  const variables = new Map<string, string>();
  const tokens = new Set<string>();
  const store = await serve(({ method, path, header, body }) => {
    const [resource, account, ...rest] = path;
    if (account !== options.account) return refuse(401, 'no such account');
    if (method === 'POST' && resource === 'authn') {
      if (rest.join(' ') !== `${options.login} authenticate`) return refuse(401, 'no such login');
      if (body !== options.apiKey) return refuse(401, 'the API key is not the right one');
      if (header('accept-encoding') !== 'base64') return refuse(406, 'the token is asked for in base64');
      const token = Buffer.from(JSON.stringify({ payload: randomBytes(48).toString('hex') })).toString(
        'base64',
      );
      tokens.add(token);
      return { body: token };
    }
    const token = /^Token token="([^"]+)"$/.exec(header('authorization') ?? '')?.[1] ?? '';
    if (!tokens.delete(token)) return refuse(401, 'the session token is not one of ours');
    const [kind, ...id] = rest;
    const value = variables.get(id.join('/'));
    if (method !== 'GET' || resource !== 'secrets' || kind !== 'variable' || value === undefined)
      return refuse(404, 'no such variable');
    return { body: value };
  });
  return { ...store, variables };
}

export interface GithubStore extends HttpStore {
  /** The tokens that were given out, in order. */
  readonly issued: string[];
}

/** GitHub as an app sees it: a JWT that the app's key has signed buys a fresh token. */
export async function startGithub(options: {
  readonly app: string;
  readonly installation: string;
  readonly publicKey: KeyObject;
}): Promise<GithubStore> {
  const issued: string[] = [];
  const store = await serve(({ method, path, header }) => {
    const jwt = /^Bearer (\S+)$/.exec(header('authorization') ?? '')?.[1] ?? '';
    const problem = jwtProblem(jwt, options.publicKey, options.app);
    if (problem !== undefined) return refuse(401, problem);
    if (method !== 'POST' || path.join('/') !== `app/installations/${options.installation}/access_tokens`)
      return refuse(404, 'no such installation');
    const token = `ghs_${randomBytes(18).toString('hex')}`;
    issued.push(token);
    return json({ token, permissions: { contents: 'read' } }, 201);
  });
  return { ...store, issued };
}

/** What is wrong with a JWT, by GitHub's rules: RS256, of this app, for ten minutes at most. */
function jwtProblem(jwt: string, key: KeyObject, app: string): string | undefined {
  const [header = '', claims = '', signature = '', ...more] = jwt.split('.');
  if (signature === '' || more.length > 0) return 'not a JWT';
  if (/[^\w.-]/.test(jwt)) return 'not base64url';
  if (field(header, 'alg') !== 'RS256') return 'not signed with RS256';
  if (!verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')))
    return 'the signature does not fit';
  if (String(field(claims, 'iss')) !== app) return 'of another app';
  const now = Date.now() / 1_000;
  const [issuedAt, expires] = [Number(field(claims, 'iat')), Number(field(claims, 'exp'))];
  // Written so that what is no number is refused.
  if (!(issuedAt <= now && expires > now && expires - issuedAt <= 600))
    return 'not valid now, or for too long';
  return undefined;
}

function field(part: string, name: string): unknown {
  try {
    const data: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof data === 'object' && data !== null ? new Map(Object.entries(data)).get(name) : undefined;
  } catch {
    return undefined;
  }
}
