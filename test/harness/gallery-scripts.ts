/** Runs a gallery template's script by itself: the real bash and store program, and no part of Legate. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { execa } from 'execa';
import { parseDocument } from 'yaml';
import { makeAgeFile, makeEncryptedFile, makeKeepassDatabase, makePassStore, type Store } from './stores.ts';

export type Inputs = Readonly<Record<string, string>>;

export interface GalleryTemplate {
  readonly name: string;
  readonly identifier: string;
  /** Every program that the script, or what it starts by PATH, may use. */
  readonly programs: readonly string[];
  /** The one whose absence is worth a message, and the package that the message names. */
  readonly program: string;
  readonly debianPackage: string;
  readonly make: (dir: string, content: string) => Promise<Store>;
}

export const gallery: readonly GalleryTemplate[] = [
  {
    name: 'pass',
    identifier: 'pass',
    programs: ['pass', 'gpg', 'env', 'bash', 'base64', 'getopt', 'tty', 'which'],
    program: 'pass',
    debianPackage: 'pass, gnupg',
    make: (dir, content) => makePassStore(dir, 'production/db', content),
  },
  {
    name: 'age-file',
    identifier: 'age_file',
    programs: ['age'],
    program: 'age',
    debianPackage: 'age',
    make: makeAgeFile,
  },
  {
    name: 'keepassxc',
    identifier: 'keepassxc',
    programs: ['keepassxc-cli'],
    program: 'keepassxc-cli',
    debianPackage: 'keepassxc',
    make: (dir, content) => makeKeepassDatabase(dir, 'Production/db', content),
  },
  {
    name: 'encrypted-file',
    identifier: 'encrypted_file',
    programs: ['openssl'],
    program: 'openssl',
    debianPackage: 'openssl',
    make: (dir, content) => makeEncryptedFile(dir, content, { iterations: 10_000 }),
  },
];

export const templates = new URL('../../templates/', import.meta.url);

export async function readGallery(template: string, file: string): Promise<string> {
  return readFile(new URL(`${template}/${file}`, templates), 'utf8');
}

/** Reads a text at a path of a YAML document. */
export function textAt(source: string, ...path: string[]): string {
  const text = parseDocument(source).getIn(path);
  assert.equal(typeof text, 'string', path.join('.'));
  return String(text);
}

export interface NamedInput {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

/** Reads a list of inputs, wherever it stands: templates, connectors and secrets write them alike. */
export function inputsAt(source: string, ...path: string[]): NamedInput[] {
  let node: unknown = parseDocument(source).toJS();
  for (const key of path) {
    assert.ok(typeof node === 'object' && node !== null, path.join('.'));
    node = Object.entries(node).find(([name]) => name === key)?.[1];
  }
  assert.ok(Array.isArray(node), path.join('.'));
  return node.map((entry: unknown) => {
    assert.ok(typeof entry === 'object' && entry !== null && 'name' in entry && 'type' in entry);
    assert.ok('value' in entry);
    const { name, type, value } = entry;
    assert.ok(typeof name === 'string' && typeof type === 'string' && typeof value === 'string');
    return { name, type, value };
  });
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The stand-in for the compiler: each expression becomes a quoted reference to a variable. */
export async function render(template: string, inputs: Inputs): Promise<string> {
  const source = await readGallery(template, 'template.yaml');
  const script = textAt(source, 'template', 'spec', 'source', 'spec', 'script');
  const declarations = Object.entries(inputs).map(([name, value]) => `INPUT_${name}=${quote(value)}\n`);
  const body = script.replace(
    /^(\w+)=<\+(?:secretManager|spec)\.environmentVariables\.(\w+)>$/gm,
    (_, variable: string, name: string) => {
      assert.ok(name in inputs, `the script asks for ${name}`);
      return `${variable}="\${INPUT_${name}}"`;
    },
  );
  assert.ok(!body.includes('<+'), 'expressions stand at plain assignments');
  return `${declarations.join('')}${body}\nprintf '%s' "$secret" >&3\n`;
}

/** A folder for one test, and the stores made in it: ended and removed when the test is over. */
export class Scratch {
  readonly dir: string;
  readonly #stores: Store[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(t: TestContext): Promise<Scratch> {
    const scratch = new Scratch(await mkdtemp(join(tmpdir(), 'gallery-')));
    t.after(async () => {
      for (const store of scratch.#stores) await store.close();
      // An agent that is about to end may still be removing its sockets.
      await rm(scratch.dir, { recursive: true, force: true, maxRetries: 5 });
    });
    return scratch;
  }

  async folder(name: string): Promise<string> {
    const path = join(this.dir, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async store(making: Promise<Store>): Promise<Store> {
    const store = await making;
    this.#stores.push(store);
    return store;
  }
}

export interface Result {
  readonly exitCode: number | undefined;
  readonly value: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly inputs: Inputs;
  /** What standard error must not show. */
  readonly secrets: readonly string[];
  readonly workingDirectory?: string;
  readonly home?: string;
  readonly path?: string;
}

/** Runs a template the way a delegate does, and holds it to what every run promises. */
export async function runTemplate(scratch: Scratch, template: string, options: RunOptions): Promise<Result> {
  const { inputs, secrets, workingDirectory, path = process.env.PATH ?? '' } = options;
  const run = await mkdtemp(join(scratch.dir, 'run-'));
  const places = { work: join(run, 'work'), home: join(run, 'home'), tmp: join(run, 'tmp') };
  for (const place of Object.values(places)) await mkdir(place, { mode: 0o700 });

  // The program comes by a descriptor: standard input is /dev/null for the script. No controlling terminal
  // (detached), as on a delegate: what wants to ask a person must fail instead.
  const load = 'IFS= read -r -d "" program <&4; exec 4<&-; eval "$program"';
  const program = Buffer.from(await render(template, inputs));
  const result = await execa('/bin/bash', ['-c', load], {
    cwd: workingDirectory ?? places.work,
    env: { PATH: path, HOME: options.home ?? places.home, TMPDIR: places.tmp, LANG: 'C.UTF-8' },
    extendEnv: false,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', program],
    stripFinalNewline: false,
    detached: true,
    reject: false,
    timeout: 20_000,
  });

  for (const secret of secrets.flatMap(text => text.split('\n')).filter(line => line.trim().length > 2)) {
    assert.ok(!result.stderr.includes(secret.trim()), 'a secret on standard error');
  }
  assert.equal(result.stdout, '', 'nothing on standard output');
  for (const place of Object.values(places))
    assert.deepEqual(await readdir(place), [], 'nothing left behind');
  return { exitCode: result.exitCode, value: String(result.stdio[3]), stderr: result.stderr };
}

export function assertDelivers(result: Result, value: string): void {
  assert.equal(result.exitCode, 0, result.stderr);
  // Not assert.equal: a difference in a megabyte would be printed.
  assert.ok(result.value === value, `another value, of ${result.value.length} characters`);
  assert.equal(result.stderr, '');
}

export function assertFails(result: Result, message: RegExp): void {
  assert.match(result.stderr, message);
  assert.equal(result.exitCode, 1);
  assert.equal(result.value, '');
}

/** A PATH of these programs only. */
export async function pathOf(dir: string, programs: readonly string[], wrapper?: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  for (const program of programs) {
    const real = execFileSync('/bin/bash', ['-c', 'type -P -- "$1"', 'bash', program], { encoding: 'utf8' });
    if (wrapper === undefined) await symlink(real.trim(), join(dir, program));
    else await writeFile(join(dir, program), wrapper.replace('REAL', quote(real.trim())), { mode: 0o755 });
  }
  return dir;
}

export const values: Readonly<Record<string, string>> = {
  'a plain value': 's3cret-Value',
  'quotes, dollars, backticks, backslashes, UTF-8 and blanks at both ends': ` \t"a" 'b' $HOME \`id\` $(id) \\n %s * é€😀 \u00a0 `,
  'a value that looks like an option': '-n',
  'a value of several lines': '-----BEGIN KEY-----\n\n  indented: "x"\n$y\n-----END KEY-----',
  'a megabyte in one line': 'x€'.repeat(262_144),
  'a megabyte in many lines': Array.from({ length: 40_000 }, (_, line) => `line ${line} of a long text`).join(
    '\n',
  ),
};

/** Nasty as a name of a file or entry, wherever the file system allows it. */
export const hostileName = `-d "two" 'three' $(touch pwned) \`id\` ; * \\ é\n--help`;
