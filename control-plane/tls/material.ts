/** What the server shows and whom it asks for a certificate, as the files hold it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsConfig } from '../config.ts';

export interface TlsMaterial {
  /** PEM: the server's certificate, with the CAs between it and the one that clients know. */
  readonly cert: string;
  readonly key: string;
  /** PEM: the CAs of client certificates, old and new ones together. */
  readonly clientCa: string | undefined;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly ends: number;
  /** The same of each CA of client certificates, by its subject. */
  readonly clientCaEnds: readonly { readonly subject: string; readonly ends: number }[];
}

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Reads and checks the files. What is wrong comes back in words that name the setting. */
export function readMaterial({ certificate, key, clientCa }: TlsConfig): TlsMaterial | string {
  const cert = read(certificate, '--tls-cert');
  const keyText = read(key, '--tls-key');
  const ca = clientCa === undefined ? undefined : read(clientCa, '--tls-client-ca');
  for (const one of [cert, keyText, ca]) if (one && 'problem' in one) return one.problem;
  if ('problem' in cert || 'problem' in keyText || (ca && 'problem' in ca)) return '';
  const first = parse(cert.text);
  if (!first) return `--tls-cert: ${certificate} does not begin with a certificate (PEM)`;
  try {
    if (!first.checkPrivateKey(createPrivateKey(keyText.text)))
      return `--tls-key: the key in ${key} is not that of the certificate in ${certificate}`;
  } catch {
    return `--tls-key: ${key} does not hold a private key (PEM, not encrypted)`;
  }
  const cas = (ca?.text.match(block) ?? []).map(parse);
  if (ca && (cas.length === 0 || cas.includes(undefined)))
    return `--tls-client-ca: ${clientCa} must hold one or more certificates (PEM)`;
  try {
    createSecureContext({ cert: cert.text, key: keyText.text, ca: ca?.text });
  } catch (error) {
    return `--tls-cert: ${certificate} cannot be used (${codeOf(error)})`;
  }
  return {
    cert: cert.text,
    key: keyText.text,
    clientCa: ca?.text,
    ends: Date.parse(first.validTo),
    clientCaEnds: cas.flatMap(one => (one ? [{ subject: one.subject, ends: Date.parse(one.validTo) }] : [])),
  };
}

/** Changes with what the files are, also where they are links that lead somewhere else now. */
export function signatureOf({ certificate, key, clientCa }: TlsConfig): string {
  return [certificate, key, clientCa].map(path => (path === undefined ? '' : markOf(path))).join('\n');
}

function markOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}

function parse(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

function read(path: string, flag: string): { text: string } | { problem: string } {
  try {
    return { text: readFileSync(path, 'latin1') };
  } catch (error) {
    return { problem: `${flag}: cannot read ${path} (${codeOf(error)})` };
  }
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
