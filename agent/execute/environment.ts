/**
 * What a script sees of the delegate's environment: an allow-list, never the whole, so that the delegate's
 * own token and whatever else its host put there stay out of reach.
 */
const always = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'USER', 'LOGNAME', 'SHELL'];
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'];
const certificates = [
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'REQUESTS_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
];

/** Builds the environment of scripts from the delegate's own and the names that its operator lists. */
export function scriptEnvironment(
  own: NodeJS.ProcessEnv,
  operatorNames: readonly string[],
): Record<string, string> {
  const names = new Set([
    ...always,
    ...proxies,
    ...proxies.map(name => name.toLowerCase()),
    ...certificates,
    ...Object.keys(own).filter(name => name.startsWith('LC_')),
    ...operatorNames,
  ]);
  const environment: Record<string, string> = {};
  for (const name of names) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
