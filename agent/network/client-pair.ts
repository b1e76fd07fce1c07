/** The delegate's own certificate and key. A new one that can't be used does not take the old one's place. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { codeOf, SettingsError } from '../setting-values.ts';
import { parse, signatureOf } from './certificates.ts';
import type { NetworkSettings } from './settings.ts';

export interface ClientPair {
  /** PEM, with the CAs between it and the one that the server knows. */
  readonly certificate: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly ends: number;
}

export interface ClientPairs {
  /** Reads the files anew if they have changed. True: there is a new pair. */
  look(): boolean;
  /** The one for the next connection. */
  choose(): ClientPair | undefined;
  welcomed(): void;
  failed(): void;
  ends(): number | undefined;
}

/** Throws a `SettingsError` where the first pair can't be used. */
export function clientPair(settings: NetworkSettings, warn: (message: string) => void): ClientPairs {
  const { clientCertificate, clientKey } = settings;
  if (clientCertificate === undefined || clientKey === undefined) return noPair;
  const files = [clientCertificate, clientKey];
  let seen = signatureOf(files);
  const first = readPair(clientCertificate, clientKey);
  if (typeof first === 'string') throw new SettingsError(first);
  let current = first;
  /** The one that a connection was let in with last. */
  let proven: ClientPair | undefined;
  let chosen = first;
  let fallBack = false;
  tellEnd(current, warn);

  return {
    look() {
      const signature = signatureOf(files);
      if (signature === seen) return false;
      seen = signature;
      const next = readPair(clientCertificate, clientKey);
      if (typeof next === 'string') {
        warn(`${next}; the one of before stays in use`);
        return false;
      }
      if (next.certificate === current.certificate && next.key === current.key) return false;
      current = next;
      fallBack = false;
      tellEnd(current, warn);
      return true;
    },
    choose() {
      chosen = (fallBack ? proven : undefined) ?? current;
      return chosen;
    },
    welcomed() {
      proven = chosen;
    },
    failed() {
      // In turn: nobody knows which of the two the other side wants to see.
      fallBack = proven !== undefined && proven !== current && chosen === current;
      if (fallBack)
        warn('no connection with the new client certificate; the next one shows the one of before');
    },
    ends: () => current.ends,
  };
}

const noPair: ClientPairs = {
  look: () => false,
  choose: () => undefined,
  welcomed: () => {},
  failed: () => {},
  ends: () => undefined,
};

const soonMs = 14 * 86_400_000;

function tellEnd({ ends }: ClientPair, warn: (message: string) => void): void {
  const leftMs = ends - Date.now();
  if (leftMs > soonMs) return;
  const when = new Date(ends).toISOString();
  warn(
    leftMs > 0
      ? `the client certificate ends at ${when}: renew it`
      : `the client certificate has ended at ${when}`,
  );
}

/** A problem comes back in words that name the setting. */
function readPair(certificateFile: string, keyFile: string): ClientPair | string {
  const certificate = read(certificateFile, 'LEGATE_CLIENT_CERT');
  const key = read(keyFile, 'LEGATE_CLIENT_KEY');
  if ('problem' in certificate) return certificate.problem;
  if ('problem' in key) return key.problem;
  const first = parse(certificate.text);
  if (!first) return `LEGATE_CLIENT_CERT: ${certificateFile} does not begin with a certificate (PEM)`;
  try {
    if (!first.checkPrivateKey(createPrivateKey(key.text)))
      return `LEGATE_CLIENT_KEY: the key in ${keyFile} is not that of the certificate in ${certificateFile}`;
  } catch {
    return `LEGATE_CLIENT_KEY: ${keyFile} does not hold a private key (PEM, not encrypted)`;
  }
  try {
    createSecureContext({ cert: certificate.text, key: key.text });
  } catch (error) {
    return `LEGATE_CLIENT_CERT: ${certificateFile} cannot be used (${codeOf(error)})`;
  }
  return { certificate: certificate.text, key: key.text, ends: Date.parse(first.validTo) };
}

function read(path: string, name: string): { text: string } | { problem: string } {
  try {
    return { text: readFileSync(path, 'latin1') };
  } catch (error) {
    return { problem: `${name}: cannot read ${path} (${codeOf(error)})` };
  }
}
