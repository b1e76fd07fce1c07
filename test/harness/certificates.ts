/** CAs and certificates for a test, made by openssl in a folder of the test. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

export interface IssueOptions {
  /** Names and addresses, as openssl writes them; by default those of this machine's loopback. */
  readonly names?: string;
  /** It ended yesterday. */
  readonly expired?: boolean;
  /** How long it lasts; by default two years. */
  readonly days?: number;
}

export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateAuthority {
  /** The path of its certificate. */
  readonly file: string;
  /** The text of it. */
  readonly pem: string;
  /** Makes a certificate, for servers and clients alike. */
  issue(subject: string, options?: IssueOptions): IssuedCertificate;
}

const day = 86_400_000;
const openssl = (folder: string, args: readonly string[]) =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a CA with a folder of its own below `folder`. */
export function certificateAuthority(folder: string, name: string): CertificateAuthority {
  const home = join(folder, `${name.replaceAll(' ', '-')}-${randomBytes(4).toString('hex')}`);
  mkdirSync(home);
  const subject = ['-subj', `/CN=${name}`];
  openssl(home, [
    'req',
    '-x509',
    ...newKey,
    ...subject,
    '-days',
    '3650',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  ]);
  writeFileSync(join(home, 'index.txt'), '');
  writeFileSync(
    join(home, 'ca.conf'),
    [
      '[ca]',
      'default_ca = own',
      '[own]',
      'database = index.txt',
      'new_certs_dir = .',
      'certificate = ca.pem',
      'private_key = ca.key',
      'default_md = sha256',
      'policy = any',
      'rand_serial = yes',
      'unique_subject = no',
      '[any]',
      'commonName = supplied',
      '',
    ].join('\n'),
  );
  let issued = 0;
  return {
    file: join(home, 'ca.pem'),
    pem: readFileSync(join(home, 'ca.pem'), 'utf8'),
    issue(commonName, { names = 'DNS:localhost,IP:127.0.0.1,IP:::1', expired = false, days = 730 } = {}) {
      issued += 1;
      const base = `${issued}`;
      openssl(home, [
        'req',
        ...newKey,
        '-subj',
        `/CN=${commonName}`,
        '-keyout',
        `${base}.key`,
        '-out',
        `${base}.csr`,
      ]);
      writeFileSync(
        join(home, `${base}.ext`),
        `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`,
      );
      const end = expired ? Date.now() - day : Date.now() + days * day;
      const times = ['-startdate', stamp(Date.now() - 30 * day), '-enddate', stamp(end)];
      const files = ['-in', `${base}.csr`, '-out', `${base}.pem`, '-extfile', `${base}.ext`];
      openssl(home, ['ca', '-config', 'ca.conf', '-batch', '-notext', ...times, ...files]);
      return { certificate: join(home, `${base}.pem`), key: join(home, `${base}.key`) };
    },
  };
}

/** As in 20260131235959Z. */
function stamp(time: number): string {
  return `${new Date(time)
    .toISOString()
    .replace(/\.[0-9]+Z$/, '')
    .replaceAll(/[-:T]/g, '')}Z`;
}

/** A certificate and a key at paths of their own, to be swapped there. */
export async function placeCertificate(folder: string, name: string, issued: IssuedCertificate) {
  const paths = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const put = async (next: IssuedCertificate) => {
    for (const part of ['certificate', 'key'] as const) {
      await copyFile(next[part], `${paths[part]}.new`);
      await rename(`${paths[part]}.new`, paths[part]);
    }
  };
  await put(issued);
  return { ...paths, put };
}
