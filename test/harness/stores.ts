/**
 * Real stores for tests, made by the real programs. Each function makes one store in a folder that the
 * caller owns (and removes), holding the given value byte for byte; values and passwords travel by stdin or
 * by file, as they do in the templates. Nothing is shared, so stores can be made in parallel.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecaError, execa } from 'execa';

export interface Store {
  /** The inputs of the gallery's template that reads the value. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What must show up nowhere besides the value: passwords, keys. */
  readonly passwords: readonly string[];
  /** Ends what the store started. The folder stays. */
  close(): Promise<void>;
}

/** Where a missing program comes from. */
const debianPackages: Readonly<Record<string, string>> = {
  age: 'age',
  'age-keygen': 'age',
  gpg: 'gnupg',
  gpgconf: 'gnupg',
  'keepassxc-cli': 'keepassxc',
  openssl: 'openssl',
  pass: 'pass',
};

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    // The environment of whoever runs the tests must not lead to their own stores.
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', ...options.env };
    const { stdout } = await execa(program, args, { input: options.input ?? '', env, extendEnv: false });
    return stdout;
  } catch (error) {
    if (error instanceof ExecaError && error.code === 'ENOENT') {
      const name = debianPackages[program] ?? program;
      throw new Error(`${program} is not installed: apt-get install ${name}`, { cause: error });
    }
    throw error;
  }
}

async function nothingToClose(): Promise<void> {}

/** A file with a fresh password, made the way people make them: one line. */
async function writePasswordFile(path: string): Promise<string> {
  const password = `Pw ${randomBytes(12).toString('base64')} é`;
  await writeFile(path, `${password}\n`, { mode: 0o600 });
  return password;
}

/**
 * A `pass` store and the GnuPG key for it, at the places under `dir` where pass looks when `dir` is HOME.
 * The inputs ask for the whole entry (`field: '*'`), so that every content comes back. With a passphrase
 * the key is locked: the agent that knows it is ended.
 */
export async function makePassStore(
  dir: string,
  entry: string,
  content: string,
  { passphrase = '' }: { readonly passphrase?: string } = {},
): Promise<Store> {
  const store = join(dir, '.password-store');
  const home = join(dir, '.gnupg');
  // The kernel takes 107 bytes; gpg's own message for a longer one speaks of a missing agent.
  const longestSocket = join(home, 'S.gpg-agent.browser');
  if (Buffer.byteLength(longestSocket) > 107) throw new Error(`too long for a socket: ${longestSocket}`);
  await mkdir(home, { recursive: true, mode: 0o700 });
  // Else the agent measures for seconds how much work a passphrase should be.
  await writeFile(join(home, 'gpg-agent.conf'), 's2k-count 65536\n');

  const env = { HOME: dir, GNUPGHOME: home, PASSWORD_STORE_DIR: store };
  async function close(): Promise<void> {
    await run('gpgconf', ['--homedir', home, '--kill', 'all'], { env });
  }
  try {
    const user = 'store@example.invalid';
    const batch = ['--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase-fd', '0'];
    // future-default is an elliptic-curve key: made in milliseconds.
    const key = ['--quick-generate-key', user, 'future-default', 'default', 'never'];
    await run('gpg', [...batch, ...key], { env, input: `${passphrase}\n` });
    await run('pass', ['init', user], { env });
    await run('pass', ['insert', '--multiline', '--force', '--', entry], { env, input: content });
    if (passphrase !== '') await close();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    inputs: { store, gnupg_home: home, path: entry, field: '*' },
    passwords: passphrase === '' ? [] : [passphrase],
    close,
  };
}

/** A file encrypted with `age` to a fresh key pair, in age's binary form or as ASCII armor. */
export async function makeAgeFile(
  dir: string,
  content: string,
  { armor = false, name = 'secret.age' }: { readonly armor?: boolean; readonly name?: string } = {},
): Promise<Store> {
  await mkdir(dir, { recursive: true });
  const identityFile = join(dir, 'age.key');
  const file = join(dir, name);
  await run('age-keygen', ['-o', identityFile]);
  const recipient = await run('age-keygen', ['-y', identityFile]);
  await run('age', ['-r', recipient, ...(armor ? ['-a'] : []), '-o', file], { input: content });
  const identity = /^AGE-SECRET-KEY-\S+$/m.exec(await readFile(identityFile, 'utf8'))?.[0];
  if (identity === undefined) throw new Error('age-keygen wrote no key');
  return { inputs: { file, identity_file: identityFile }, passwords: [identity], close: nothingToClose };
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, character => `&#${character.charCodeAt(0)};`);
}

/** A document of KeePass 2 with one entry; a path's leading parts are its groups. */
function keepassXml(path: string, attributes: Readonly<Record<string, string>>): string {
  const uuid = () =>
    `<UUID>${Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64')}</UUID>`;
  const parts = path.split('/');
  const strings = Object.entries({ Title: parts.at(-1) ?? '', ...attributes }).map(
    ([key, value]) => `<String><Key>${escapeXml(key)}</Key><Value>${escapeXml(value)}</Value></String>`,
  );
  let inner = `<Entry>${uuid()}${strings.join('')}</Entry>`;
  for (const group of ['Root', ...parts.slice(0, -1)].reverse()) {
    inner = `<Group>${uuid()}<Name>${escapeXml(group)}</Name>${inner}</Group>`;
  }
  return `<?xml version="1.0" encoding="UTF-8"?><KeePassFile><Meta/><Root>${inner}</Root></KeePassFile>`;
}

/**
 * A KeePass database whose one entry holds the content as its password, and other attributes if given. It
 * is unlocked by a password, by a key file or by both.
 */
export async function makeKeepassDatabase(
  dir: string,
  entry: string,
  content: string,
  options: {
    readonly unlock?: 'password' | 'key-file' | 'both';
    readonly attributes?: Readonly<Record<string, string>>;
  } = {},
): Promise<Store> {
  await mkdir(dir, { recursive: true });
  const { unlock = 'password', attributes = {} } = options;
  const database = join(dir, 'secrets.kdbx');
  const passwordFile = unlock === 'key-file' ? '' : join(dir, 'database.password');
  const keyFile = unlock === 'password' ? '' : join(dir, 'database.keyx');

  const args = ['import', '--quiet', '--decryption-time', '100'];
  let input = '';
  const passwords: string[] = [];
  if (passwordFile !== '') {
    const password = await writePasswordFile(passwordFile);
    args.push('--set-password');
    input = `${password}\n${password}\n`;
    passwords.push(password);
  }
  if (keyFile !== '') {
    await writeFile(keyFile, randomBytes(64), { mode: 0o600 });
    args.push('--set-key-file', keyFile);
  }

  // `add` takes one line as the password; an import takes everything. It reads a file only.
  const xml = join(dir, 'import.xml');
  try {
    await writeFile(xml, keepassXml(entry, { Password: content, ...attributes }), { mode: 0o600 });
    // A settings file would be written into HOME; this path cannot be made.
    const env = { HOME: dir, QT_QPA_PLATFORM: 'offscreen', KPXC_CONFIG: '/dev/null/none' };
    await run('keepassxc-cli', [...args, '--', xml, database], { input, env });
  } finally {
    await rm(xml, { force: true });
  }
  const inputs = { database, password_file: passwordFile, key_file: keyFile, entry, attribute: 'Password' };
  return { inputs, passwords, close: nothingToClose };
}

/**
 * A file encrypted with `openssl enc` and a fresh password; without `iterations`, with openssl's own
 * number of them. Mind that this format has no authentication: one wrong password in 256 "succeeds".
 */
export async function makeEncryptedFile(
  dir: string,
  content: string,
  { iterations, name = 'secret.enc' }: { readonly iterations?: number; readonly name?: string } = {},
): Promise<Store> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, name);
  const passwordFile = join(dir, 'file.password');
  const password = await writePasswordFile(passwordFile);
  const pbkdf2 = ['-pbkdf2', ...(iterations === undefined ? [] : ['-iter', String(iterations)])];
  const args = ['enc', '-aes-256-cbc', ...pbkdf2, '-pass', `file:${passwordFile}`, '-out', file];
  await run('openssl', args, { input: content });
  const inputs = { file, password_file: passwordFile, iterations: iterations?.toString() ?? '' };
  return { inputs, passwords: [password], close: nothingToClose };
}
