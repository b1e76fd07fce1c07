/** An OpenID Connect issuer of a test's own: over TLS, with real keys, and as broken as the test wants it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { temporaryFolder } from './temporary-folder.ts';

export interface IssuerKey {
  readonly alg: string;
  readonly kid: string;
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
}

export interface Issuer extends AsyncDisposable {
  /** The issuer's URL, without a slash at its end. */
  readonly url: string;
  readonly jwksUrl: string;
  /** Its certificate in PEM, which is its own authority. */
  readonly ca: string;
  /** What it publishes now. */
  keys: JWK[];
  /** The first key of each kind: RS256, ES256, EdDSA. */
  readonly own: Readonly<Record<'rsa' | 'ec' | 'ed', IssuerKey>>;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Answers in its place; undefined: it answers as an issuer does. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** What its discovery document says. */
  discovery(): Record<string, unknown>;
  /** A JWT of it, signed with `key` or its RSA key; `header` is added to alg and kid. */
  sign(payload: JWTPayload, signing?: { key?: IssuerKey; header?: Record<string, unknown> }): Promise<string>;
  /** Takes no more connections, until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function issuerKey(alg: string, kid: string): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, publicKey: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }, privateKey };
}

/** A certificate for 127.0.0.1 that signs itself, with its key, both in PEM. */
export function selfSigned(): { cert: string; key: string } {
  using folder = temporaryFolder();
  const [key, cert] = [folder.file('key'), folder.file('cert')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

export async function startIssuer(): Promise<Issuer> {
  const { cert, key } = selfSigned();
  const [rsa, ec, ed] = await Promise.all([
    issuerKey('RS256', 'rsa-1'),
    issuerKey('ES256', 'ec-1'),
    issuerKey('EdDSA', 'ed-1'),
  ]);
  let server: Server | undefined;
  let port = 0;
  const respond = (request: IncomingMessage, response: ServerResponse) => {
    self.asked.push(request.url ?? '');
    if (self.answer) return self.answer(request, response);
    const body =
      request.url === '/.well-known/openid-configuration'
        ? self.discovery()
        : request.url === '/keys' && { keys: self.keys };
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body || {}));
  };
  const self: Issuer = {
    get url() {
      return `https://127.0.0.1:${port}`;
    },
    get jwksUrl() {
      return `${self.url}/keys`;
    },
    ca: cert,
    keys: [rsa, ec, ed].map(({ publicKey }) => publicKey),
    own: { rsa, ec, ed },
    asked: [],
    answer: undefined,
    discovery: () => ({ issuer: self.url, jwks_uri: self.jwksUrl }),
    sign(payload, { key: signer = rsa, header = {} } = {}) {
      return new SignJWT(payload)
        .setProtectedHeader({ alg: signer.alg, kid: signer.kid, ...header })
        .sign(signer.privateKey);
    },
    async stop() {
      const stopping = server;
      server = undefined;
      if (!stopping) return;
      const closed = once(stopping, 'close');
      stopping.close();
      stopping.closeAllConnections();
      await closed;
    },
    async start() {
      server = createServer({ cert, key }, respond).listen(port, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      if (typeof address === 'object' && address) port = address.port;
    },
    [Symbol.asyncDispose]: () => self.stop(),
  };
  await self.start();
  return self;
}

/** The claims of a service account's token, as Kubernetes writes them. */
export function serviceAccountClaims(
  about: Readonly<{ issuer: string; namespace: string; name: string; issuedAt: number; lifetimeS: number }>,
): JWTPayload {
  const { issuer, namespace, name, issuedAt, lifetimeS } = about;
  return {
    aud: ['legate'],
    exp: issuedAt + lifetimeS,
    iat: issuedAt,
    iss: issuer,
    jti: `${namespace}-${name}-${issuedAt}`,
    'kubernetes.io': {
      namespace,
      node: { name: 'node-1', uid: '6b9cfa2c-24fa-4d2b-b1a3-0e0c2f4ad001' },
      pod: { name: `${name}-7d4b9`, uid: '6b9cfa2c-24fa-4d2b-b1a3-0e0c2f4ad002' },
      serviceaccount: { name, uid: '6b9cfa2c-24fa-4d2b-b1a3-0e0c2f4ad003' },
    },
    nbf: issuedAt,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
}
