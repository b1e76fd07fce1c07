/** How the command line reaches the control plane: whom it trusts besides the usual CAs, and through which proxy. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import tls from 'node:tls';
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
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
  // The text is not repeated: it may hold a password.
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError('HTTPS_PROXY must be the address of an HTTP proxy, as in http://proxy.example:3128');
  const direct = env.NO_PROXY?.trim() || env.no_proxy?.trim();
  http.setGlobalProxyFromEnv?.({ HTTPS_PROXY: url.href, ...(direct ? { NO_PROXY: direct } : {}) });
}

function trust(file: string): void {
  // Not imported by their names: on an older Node not even the help would be shown.
  if (typeof tls.setDefaultCACertificates !== 'function')
    throw new UsageError('LEGATE_CA_FILE needs Node 24.5 or newer; NODE_EXTRA_CA_CERTS does not');
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`LEGATE_CA_FILE: cannot read ${file} (${code})`);
  }
  try {
    // Of a text without any, what takes them below says nothing.
    new X509Certificate(text);
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), text]);
  } catch {
    throw new UsageError(`LEGATE_CA_FILE: ${file} does not hold certificates (PEM)`);
  }
}
