/** The CAs that are trusted besides the usual ones, by the delegate's connection and by what its scripts run. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { makeProcessFolder } from '../execute/run-folder.ts';
import { codeOf, SettingsError } from '../setting-values.ts';
import { readCertificates, signatureOf } from './certificates.ts';
import type { NetworkSettings } from './settings.ts';

/** Where images have certificates mounted; the last two are Harness's. */
export const mountedCertificates = [
  '/etc/legate/ca',
  '/opt/harness-delegate/ca-bundle',
  '/shared/customer-artifacts/certificates/ca.bundle',
];

/** Where systems keep what they trust, in one file. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The variables that make curl, git, Python, Node and what is built on OpenSSL or Go read the bundle. */
const variables = [
  'SSL_CERT_FILE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'REQUESTS_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
];

export interface Trust {
  /** PEM, for the connection. */
  readonly pem: readonly string[];
  readonly scriptVariables: Readonly<Record<string, string>>;
  /** Reads the files anew if they have changed. True: other certificates are trusted by the connection now. */
  look(): boolean;
  close(): void;
}

export interface TrustOptions {
  readonly settings: Pick<NetworkSettings, 'caFile' | 'caFolder' | 'scriptCa'>;
  /** Of the scripts: files that its variables name are part of the bundle, which takes their place. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workRoot: string;
  readonly warn: (message: string) => void;
  readonly mounted: readonly string[];
}

/** Throws a `SettingsError` where a file or folder that is named can't be used. */
export function trustOf({ settings, environment, workRoot, warn, mounted }: TrustOptions): Trust {
  const { caFile, caFolder, scriptCa } = settings;
  const paths = [caFile, caFolder, ...mounted.filter(path => existsSync(path))].filter(
    path => path !== undefined,
  );
  const scriptPaths = scriptCa === undefined ? [] : [scriptCa];
  const all = [...paths, ...scriptPaths, ...usualFiles(environment)];
  if (paths.length + scriptPaths.length === 0)
    return { pem: [], scriptVariables: {}, look: () => false, close: () => {} };
  for (const [name, path] of Object.entries({ LEGATE_CA_FILE: caFile, LEGATE_SCRIPT_CA_FILE: scriptCa }))
    if (path !== undefined) refuseUnreadable(name, path);
  if (caFolder !== undefined) refuseMissing(caFolder);

  const bundle = join(makeBundleFolder(workRoot), 'ca-bundle.pem');
  let seen = '';
  let pem: readonly string[] = [];
  let written = '';

  const writeBundle = (text: string) => {
    written = text;
    try {
      // Temporary folders get cleaned.
      mkdirSync(join(bundle, '..'), { recursive: true, mode: 0o700 });
      writeFileSync(`${bundle}.new`, text, { mode: 0o600 });
      renameSync(`${bundle}.new`, bundle);
    } catch (error) {
      warn(`the certificates for scripts cannot be written to ${bundle} (${codeOf(error)})`);
    }
  };

  function look(): boolean {
    const signature = signatureOf(all);
    if (signature === seen) {
      if (!existsSync(bundle)) writeBundle(written);
      return false;
    }
    const isFirst = seen === '';
    seen = signature;
    const own = readCertificates(paths);
    const forScripts = readCertificates(scriptPaths);
    for (const problem of [...own.problems, ...forScripts.problems]) warn(`certificates: ${problem}`);
    if (own.pem.length === 0 && pem.length > 0) {
      warn('certificates: none are left in the files; those of before stay trusted');
      return false;
    }
    const changed = own.pem.join('') !== pem.join('');
    pem = own.pem;
    const usual = readCertificates(usualFiles(environment)).pem;
    const roots = usual.length > 0 ? usual : rootCertificates;
    const everything = [...new Set([...roots, ...pem, ...forScripts.pem])];
    writeBundle(`${everything.map(text => text.trim()).join('\n')}\n`);
    return changed && !isFirst;
  }

  look();
  return {
    get pem() {
      return pem;
    },
    scriptVariables: Object.fromEntries(variables.map(name => [name, bundle])),
    look,
    close: () => rmSync(join(bundle, '..'), { recursive: true, force: true }),
  };
}

function makeBundleFolder(workRoot: string): string {
  try {
    return makeProcessFolder(workRoot);
  } catch (error) {
    throw new SettingsError(`LEGATE_WORK_DIR: cannot make a folder in ${workRoot} (${codeOf(error)})`);
  }
}

function refuseUnreadable(name: string, path: string): void {
  const { pem, problems } = readCertificates([path]);
  if (pem.length === 0)
    throw new SettingsError(`${name}: ${problems[0] ?? `${path} holds no certificate`} (PEM)`);
}

function refuseMissing(path: string): void {
  if (!existsSync(path)) throw new SettingsError(`LEGATE_CA_DIR: cannot read ${path} (ENOENT)`);
}

/** Where scripts' programs would find what they trust without us. */
function usualFiles(environment: Readonly<Record<string, string>>): string[] {
  const { NODE_EXTRA_CA_CERTS: added, ...others } = Object.fromEntries(
    variables.map(name => [name, environment[name]]),
  );
  const instead = Object.values(others).filter(path => path !== undefined && path !== '');
  const system = systemBundles.filter(path => existsSync(path)).slice(0, 1);
  return [...new Set([...(instead.length > 0 ? instead : system), added])].filter(path => path !== undefined);
}
