/** How the command line reaches the control plane: whom it trusts besides the usual CAs, and through which proxy. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { UsageError } from './settings.ts';

/**
 * Makes this process follow `LEGATE_CA_FILE`, and `HTTPS_PROXY` with `NO_PROXY` for servers with https. A server with
 * http is most likely one on this machine, which no proxy reaches. Throws a `UsageError`.
 */
export function followEnvironment(env: NodeJS.ProcessEnv = process.env): void {
  const file = env.LEGATE_CA_FILE?.trim();
  if (file) trust(file);
  const proxy = env.HTTPS_PROXY?.trim() || env.https_proxy?.trim();
  if (!proxy) return;
  const direct = env.NO_PROXY?.trim() || env.no_proxy?.trim();
  try {
    http.setGlobalProxyFromEnv({ HTTPS_PROXY: proxy, ...(direct ? { NO_PROXY: direct } : {}) });
  } catch {
    // What it says holds the address, and with it maybe a password.
    throw new UsageError('HTTPS_PROXY must be the address of an HTTP proxy, as in http://proxy.example:3128');
  }
}

function trust(file: string): void {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`LEGATE_CA_FILE: cannot read ${file} (${code})`);
  }
  try {
    setDefaultCACertificates([...getCACertificates('default'), text]);
  } catch {
    throw new UsageError(`LEGATE_CA_FILE: ${file} does not hold certificates (PEM)`);
  }
}
