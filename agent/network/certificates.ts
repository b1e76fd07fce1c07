/** Certificates in files, read anew when the files change. */
import { createHash, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../setting-values.ts';

/** Larger files hold something else. */
const largestFile = 8 * 1_048_576;
const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

export interface Certificates {
  /** PEM, each once. */
  readonly pem: readonly string[];
  /** Files that can't be read and certificates that are none, in words. */
  readonly problems: readonly string[];
}

/** The certificates of files and of all files in folders. Nothing else in a file is taken: it may be a key. */
export function readCertificates(paths: readonly string[]): Certificates {
  const pem = new Map<string, string>();
  const problems: string[] = [];
  for (const path of paths) {
    for (const file of filesAt(path, problems)) {
      const text = readText(file, problems);
      const found = text?.match(block) ?? [];
      if (text !== undefined && found.length === 0 && file === path)
        problems.push(`${file} holds no certificate`);
      for (const one of found) {
        const certificate = parse(one);
        if (certificate) pem.set(certificate.fingerprint256, certificate.toString());
        else problems.push(`${file} holds a certificate that cannot be read`);
      }
    }
  }
  return { pem: [...pem.values()], problems };
}

/** The first certificate of a text; undefined: there is none that can be read. */
export function parse(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

/** Changes with what the files are: names, sizes, times. Files that are not there count, too. */
export function signatureOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) for (const file of filesAt(path, [])) hash.update(`${file}\0${markOf(file)}\0`);
  return hash.digest('base64');
}

function markOf(file: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** A file itself, or the files of a folder in the order of their names. Hidden ones are how mounts are swapped. */
function filesAt(path: string, problems: string[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter(name => !name.startsWith('.'));
    return names
      .sort()
      .map(name => join(path, name))
      .filter(file => statSync(file, { throwIfNoEntry: false })?.isFile());
  } catch (error) {
    problems.push(`cannot read ${path} (${codeOf(error)})`);
    return [];
  }
}

function readText(file: string, problems: string[]): string | undefined {
  try {
    const found = statSync(file);
    if (found.isFile() && found.size <= largestFile) return readFileSync(file, 'latin1');
    problems.push(`${file} is no file of certificates`);
  } catch (error) {
    problems.push(`cannot read ${file} (${codeOf(error)})`);
  }
  return undefined;
}
