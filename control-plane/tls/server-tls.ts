/** TLS of the server: certificates that are read anew while it runs, without ending a connection. */
import { constants } from 'node:crypto';
import type { Server } from 'node:http';
import type { ServerOptions } from 'node:https';
import { Server as SecureServer, type TLSSocket } from 'node:tls';
import { type Clock, every } from '../../protocol/index.ts';
import { ConfigError, type TlsConfig } from '../config.ts';
import { readMaterial, signatureOf, type TlsMaterial } from './material.ts';

export interface ServerTls {
  /** For the server that is to be made. */
  readonly options: ServerOptions;
  /** Looks after the server from now on. */
  watch(server: Server): void;
  /** When the certificate that is in use ends, in milliseconds since 1970. */
  certificateEnds(): number;
  close(): void;
}

export interface TlsTools {
  readonly clock: Clock;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  readonly warn: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

const lookEveryMs = 5_000;
const handshakeTimeoutMs = 15_000;
const dayMs = 86_400_000;
const soonMs = 14 * dayMs;

/** Throws a `ConfigError` where the files can't be used. */
export function serverTls(config: TlsConfig, { clock, note, warn }: TlsTools): ServerTls {
  let seen = signatureOf(config);
  const first = readMaterial(config);
  if (typeof first === 'string') throw new ConfigError(first);
  let current: TlsMaterial = first;
  const stops: (() => void)[] = [];

  function look(server: SecureServer): void {
    const signature = signatureOf(config);
    if (signature === seen) return;
    seen = signature;
    const next = readMaterial(config);
    if (typeof next === 'string')
      return warn({ problem: next }, 'the new TLS files cannot be used; those of before stay in use');
    const same = next.cert === current.cert && next.key === current.key && next.clientCa === current.clientCa;
    if (same) return;
    current = next;
    server.setSecureContext(contextOf(current));
    note({ ends: new Date(current.ends).toISOString() }, 'the new TLS files are in use');
    tellEnds(current, warn);
  }

  return {
    options: {
      ...contextOf(first),
      handshakeTimeout: handshakeTimeoutMs,
      // Whom it lets in is decided where delegates come in: others have no certificate.
      requestCert: config.clientAuth !== 'off',
      rejectUnauthorized: false,
    },
    watch(server) {
      if (!(server instanceof SecureServer)) return;
      tellEnds(current, warn);
      server.on('tlsClientError', (error, socket) => tellFailure(error, socket, note));
      stops.push(every(clock, lookEveryMs, () => look(server)));
      stops.push(every(clock, dayMs, () => tellEnds(current, warn)));
    },
    certificateEnds: () => current.ends,
    close() {
      for (const stop of stops) stop();
    },
  };
}

function contextOf({ cert, key, clientCa }: TlsMaterial): ServerOptions {
  return {
    cert,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    // A session that is taken up again would be judged as it was then, not by the CAs and the time of now.
    ...(clientCa === undefined ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
}

function tellEnds({ ends, clientCaEnds }: TlsMaterial, warn: TlsTools['warn']): void {
  const all = [
    { what: 'the TLS certificate of this server (--tls-cert)', ends },
    ...clientCaEnds.map(ca => ({
      what: `a CA of client certificates (--tls-client-ca): ${ca.subject}`,
      ends: ca.ends,
    })),
  ];
  for (const one of all) {
    if (one.ends - Date.now() > soonMs) continue;
    const over = one.ends <= Date.now();
    warn(
      { ends: new Date(one.ends).toISOString() },
      `${one.what} ${over ? 'has ended' : 'ends soon'}: renew it`,
    );
  }
}

const alerts: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "the other side does not trust the CA of this server's certificate (a delegate: LEGATE_CA_FILE)",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "the other side finds this server's certificate expired",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the other side does not take this server's certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    "the other side does not take this server's certificate: it may be for another name",
  ERR_SSL_HTTP_REQUEST: 'the other side speaks http to a port for https',
};

/** Only what the other side has told is worth a line: a port that is open hears much else. */
function tellFailure(error: Error & { code?: string }, socket: TLSSocket, note: TlsTools['note']): void {
  const problem = alerts[error.code ?? ''];
  if (problem === undefined) return;
  note({ address: socket.remoteAddress, problem, code: error.code }, 'a TLS handshake failed');
}
