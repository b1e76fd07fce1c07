/**
 * The gallery's scripts against real stores, without any of our own programs: whatever runs them, this is
 * what they promise. Expressions stand at plain assignments only, so a quoted variable renders them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { execa } from 'execa';
import { parseDocument } from 'yaml';
import {
  makeAgeFile,
  makeEncryptedFile,
  makeKeepassDatabase,
  makePassStore,
  type Store,
} from './harness/stores.ts';

type Inputs = Readonly<Record<string, string>>;

interface GalleryTemplate {
  readonly name: string;
  readonly identifier: string;
  /** Every program that the script, or what it starts by PATH, may use. */
  readonly programs: readonly string[];
  /** The one whose absence is worth a message, and the package that the message names. */
  readonly program: string;
  readonly debianPackage: string;
  readonly make: (dir: string, content: string) => Promise<Store>;
}

const gallery: readonly GalleryTemplate[] = [
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

const templates = new URL('../templates/', import.meta.url);

async function readGallery(template: string, file: string): Promise<string> {
  return readFile(new URL(`${template}/${file}`, templates), 'utf8');
}

/** Reads a text at a path of a YAML document. */
function textAt(source: string, ...path: string[]): string {
  const text = parseDocument(source).getIn(path);
  assert.equal(typeof text, 'string', path.join('.'));
  return String(text);
}

interface NamedInput {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

/** Reads a list of inputs, wherever it stands: templates, connectors and secrets write them alike. */
function inputsAt(source: string, ...path: string[]): NamedInput[] {
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

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The stand-in for the compiler: each expression becomes a quoted reference to a variable. */
async function render(template: string, inputs: Inputs): Promise<string> {
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
class Scratch {
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

interface Result {
  readonly exitCode: number | undefined;
  readonly value: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly inputs: Inputs;
  /** What standard error must not show. */
  readonly secrets: readonly string[];
  readonly workingDirectory?: string;
  readonly home?: string;
  readonly path?: string;
}

/** Runs a template the way a delegate does, and holds it to what every run promises. */
async function runTemplate(scratch: Scratch, template: string, options: RunOptions): Promise<Result> {
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

function assertDelivers(result: Result, value: string): void {
  assert.equal(result.exitCode, 0, result.stderr);
  // Not assert.equal: a difference in a megabyte would be printed.
  assert.ok(result.value === value, `another value, of ${result.value.length} characters`);
  assert.equal(result.stderr, '');
}

function assertFails(result: Result, message: RegExp): void {
  assert.match(result.stderr, message);
  assert.equal(result.exitCode, 1);
  assert.equal(result.value, '');
}

/** A PATH of these programs only. */
async function pathOf(dir: string, programs: readonly string[], wrapper?: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  for (const program of programs) {
    const real = execFileSync('/bin/bash', ['-c', 'type -P -- "$1"', 'bash', program], { encoding: 'utf8' });
    if (wrapper === undefined) await symlink(real.trim(), join(dir, program));
    else await writeFile(join(dir, program), wrapper.replace('REAL', quote(real.trim())), { mode: 0o755 });
  }
  return dir;
}

const values: Readonly<Record<string, string>> = {
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
const hostileName = `-d "two" 'three' $(touch pwned) \`id\` ; * \\ é\n--help`;

for (const template of gallery) {
  const { name } = template;

  describe(`the template ${name}`, { concurrency: true }, () => {
    for (const [kind, value] of Object.entries(values)) {
      test(`delivers ${kind} byte for byte`, async t => {
        const scratch = await Scratch.make(t);
        const { inputs, passwords } = await scratch.store(
          template.make(await scratch.folder('store'), value),
        );
        assertDelivers(await runTemplate(scratch, name, { inputs, secrets: [value, ...passwords] }), value);
      });
    }

    test('shows no value or password in any command line or environment', async t => {
      const scratch = await Scratch.make(t);
      const value = 'value-that-nobody-may-see';
      const { inputs, passwords } = await scratch.store(template.make(await scratch.folder('store'), value));
      const record = join(scratch.dir, 'record');
      const wrapper = `#!/bin/bash\n/bin/cat /proc/$$/cmdline /proc/$$/environ >>${quote(record)}\nexec REAL "$@"\n`;
      // Nothing but wrappers to be found: what is started by name is on record.
      const path = await pathOf(join(scratch.dir, 'bin'), template.programs, wrapper);
      assertDelivers(
        await runTemplate(scratch, name, { inputs, secrets: [value, ...passwords], path }),
        value,
      );

      const seen = await readFile(record, 'utf8');
      assert.ok(seen.includes(`/${template.program}\0`), 'the record has the program');
      for (const secret of [value, ...passwords]) assert.ok(!seen.includes(secret));
    });

    test('says which package a delegate lacks', async t => {
      const scratch = await Scratch.make(t);
      const { inputs, passwords } = await scratch.store(
        template.make(await scratch.folder('store'), 'value'),
      );
      const others = template.programs.filter(program => program !== template.program);
      const path = await pathOf(join(scratch.dir, 'bin'), others);
      const result = await runTemplate(scratch, name, { inputs, secrets: passwords, path });
      assertFails(
        result,
        new RegExp(`^${template.program} is not installed .*: ${template.debianPackage}\\)$`, 'm'),
      );
    });

    test('takes every input as data: none of them becomes code or an option', async t => {
      const scratch = await Scratch.make(t);
      const store = await scratch.store(template.make(await scratch.folder('store'), 'value'));
      for (const input of Object.keys(store.inputs)) {
        for (const hostile of [
          hostileName,
          '-h',
          '--',
          '-',
          "'; touch pwned; '",
          '"; touch pwned; "',
          '$(touch pwned)',
        ]) {
          const inputs = { ...store.inputs, [input]: hostile };
          const result = await runTemplate(scratch, name, { inputs, secrets: store.passwords });
          // What it names does not exist. (That nothing was touched is checked of every run.)
          assertFails(result, /./);
          assert.doesNotMatch(result.stderr, /usage|unknown option|conflicting/i);
        }
      }
    });

    test('has examples that together give exactly the inputs it asks for', async () => {
      const source = await readGallery(name, 'template.yaml');
      const connector = await readGallery(name, 'connector.yaml');
      const secret = await readGallery(name, 'secret.yaml');
      assert.equal(textAt(source, 'template', 'identifier'), template.identifier);
      const label = textAt(source, 'template', 'versionLabel');
      assert.equal(textAt(connector, 'connector', 'spec', 'template', 'versionLabel'), label);
      const reference = textAt(connector, 'connector', 'spec', 'template', 'templateRef');
      assert.equal(reference, `account.${template.identifier}`);
      const manager = textAt(secret, 'secret', 'spec', 'secretManagerIdentifier');
      assert.equal(manager, `account.${textAt(connector, 'connector', 'identifier')}`);

      const asked = inputsAt(source, 'template', 'spec', 'environmentVariables');
      for (const input of asked) assert.equal(`${input.type} ${input.value}`, 'String <+input>', input.name);
      const names = asked.map(input => input.name).sort();
      const path = ['connector', 'spec', 'template', 'templateInputs', 'environmentVariables'];
      // The connector's own inputs are complete too: the connection test uses nothing else.
      assert.deepEqual(
        inputsAt(connector, ...path)
          .map(input => input.name)
          .sort(),
        names,
      );
      const given = inputsAt(textAt(secret, 'secret', 'spec', 'value'), 'environmentVariables');
      for (const input of given) assert.ok(names.includes(input.name), input.name);
    });

    test('explains every input in its README', async () => {
      const source = await readGallery(name, 'template.yaml');
      const readme = await readGallery(name, 'README.md');
      for (const input of inputsAt(source, 'template', 'spec', 'environmentVariables')) {
        assert.ok(readme.includes(`| \`${input.name}\` |`), input.name);
      }
    });
  });
}

describe('the template pass', { concurrency: true }, () => {
  const content = 'p4ss: word\nUser: bob\n\nurl: https://db.example:5432/x\nuser: second';
  const secrets = content.split('\n');

  async function makeStore(t: TestContext, passphrase = '') {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const store = await scratch.store(makePassStore(dir, 'production/db', content, { passphrase }));
    return { scratch, dir, inputs: store.inputs, passwords: store.passwords };
  }

  const fields: Readonly<Record<string, string>> = {
    '': 'p4ss: word',
    '*': content,
    user: ' bob',
    URL: ' https://db.example:5432/x',
  };
  for (const [field, value] of Object.entries(fields)) {
    test(`finds the field '${field}' where users of pass expect it`, async t => {
      const { scratch, inputs } = await makeStore(t);
      const result = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field }, secrets });
      assertDelivers(result, value);
    });
  }

  for (const field of ['p4ss', 'https', 'db', 'us?r']) {
    test(`finds no field '${field}': names stand below the password and before a colon`, async t => {
      const { scratch, inputs } = await makeStore(t);
      const result = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field }, secrets });
      assertFails(result, /^the entry 'production\/db' has no line '.*' below its password$/m);
    });
  }

  test('takes an empty first line for an empty password, not the next line for the password', async t => {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs } = await scratch.store(makePassStore(dir, 'db', '\nuser: bob\nuser: second'));
    const first = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field: '' }, secrets });
    assertDelivers(first, '');
    const user = await runTemplate(scratch, 'pass', { inputs: { ...inputs, field: 'user' }, secrets });
    assertDelivers(user, ' bob');
  });

  test('finds fields between long lines in moments', async t => {
    const scratch = await Scratch.make(t);
    const long = 'x€'.repeat(262_144);
    const dir = await scratch.folder('store');
    const { inputs } = await scratch.store(makePassStore(dir, 'long', `${long}\n${long}\nuser: bob`));
    for (const [field, value] of Object.entries({ '': long, user: ' bob' })) {
      // Bash's patterns took minutes for this: the run's time limit would end it.
      assertDelivers(
        await runTemplate(scratch, 'pass', { inputs: { ...inputs, field }, secrets: [long] }),
        value,
      );
    }
  });

  test('takes the places where pass and GnuPG look by themselves when no folder is given', async t => {
    const { scratch, dir, inputs } = await makeStore(t);
    const defaults = { ...inputs, store: '', gnupg_home: '' };
    assertDelivers(await runTemplate(scratch, 'pass', { inputs: defaults, secrets, home: dir }), content);
  });

  test('reads an entry, a store and a keyring of any name', async t => {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder(hostileName);
    const store = await scratch.store(makePassStore(dir, `a/${hostileName}`, content));
    assertDelivers(await runTemplate(scratch, 'pass', { inputs: store.inputs, secrets }), content);
    // Relative to a working directory that the connector names, the store begins with a dash.
    const inputs = { ...store.inputs, store: `${hostileName}/.password-store` };
    const result = await runTemplate(scratch, 'pass', { inputs, secrets, workingDirectory: scratch.dir });
    assertDelivers(result, content);
  });

  const absent: Readonly<Record<string, [path: string, message: RegExp]>> = {
    'an entry that does not exist': [
      'production/nope',
      /^no entry 'production\/nope' in the password store '/m,
    ],
    'a folder, instead of delivering its listing': ['production', /^no entry 'production' in the password/m],
    'the whole store, instead of delivering its listing': ['', /^the input path is empty/m],
    'what lies outside of the store': [
      '../outside',
      /^the entry '\.\.\/outside' leads out of the password store$/m,
    ],
  };
  for (const [what, [path, message]] of Object.entries(absent)) {
    test(`refuses ${what}`, async t => {
      const { scratch, dir, inputs } = await makeStore(t);
      const entry = join(dir, '.password-store', 'production', 'db.gpg');
      await copyFile(entry, join(dir, 'outside.gpg'));
      assertFails(await runTemplate(scratch, 'pass', { inputs: { ...inputs, path }, secrets }), message);
    });
  }

  test('tells a missing store and a missing keyring from a missing entry', async t => {
    const { scratch, inputs } = await makeStore(t);
    const noStore = await runTemplate(scratch, 'pass', { inputs: { ...inputs, store: '/nowhere' }, secrets });
    assertFails(noStore, /^no password store at '\/nowhere'/m);
    const noHome = await runTemplate(scratch, 'pass', {
      inputs: { ...inputs, gnupg_home: '/nowhere' },
      secrets,
    });
    assertFails(noHome, /^no GnuPG folder at '\/nowhere'$/m);
  });

  test('says that it cannot decrypt when the keyring has another key', async t => {
    const { scratch, inputs } = await makeStore(t);
    const other = await scratch.store(makePassStore(await scratch.folder('other'), 'x', 'x'));
    const mixed = { ...inputs, gnupg_home: other.inputs.gnupg_home ?? '' };
    assertFails(await runTemplate(scratch, 'pass', { inputs: mixed, secrets }), /^cannot decrypt the entry/m);
  });

  test('fails at once when the key is locked, instead of waiting for somebody to type', async t => {
    const { scratch, dir, inputs, passwords } = await makeStore(t, 'the passphrase');
    const asked = join(scratch.dir, 'asked');
    const pinentry = join(scratch.dir, 'pinentry');
    await writeFile(pinentry, `#!/bin/sh\n: >${quote(asked)}\n`, { mode: 0o755 });
    await appendFile(join(dir, '.gnupg', 'gpg-agent.conf'), `pinentry-program ${pinentry}\n`);
    const result = await runTemplate(scratch, 'pass', { inputs, secrets: [...secrets, ...passwords] });
    assertFails(result, /^cannot decrypt the entry .*asks for no passphrase/m);
    assert.ok(!existsSync(asked), 'nobody was asked');
  });

  test('reads with a locked key whose passphrase the agent already holds', async t => {
    const { scratch, dir, inputs, passwords } = await makeStore(t, 'the passphrase');
    const entry = join(dir, '.password-store', 'production', 'db.gpg');
    const unlock = ['--homedir', join(dir, '.gnupg'), '--batch', '--quiet', '--pinentry-mode', 'loopback'];
    execFileSync('gpg', [...unlock, '--passphrase-fd', '0', '--decrypt', entry], {
      input: 'the passphrase\n',
    });
    assertDelivers(await runTemplate(scratch, 'pass', { inputs, secrets: passwords }), content);
  });
});

describe('the template age-file', { concurrency: true }, () => {
  const value = 'value in an age file';

  async function makeFile(t: TestContext, options?: Parameters<typeof makeAgeFile>[2]) {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs, passwords } = await scratch.store(makeAgeFile(dir, value, options));
    return { scratch, dir, inputs, secrets: [value, ...passwords] };
  }

  test('reads an armored file', async t => {
    const { scratch, inputs, secrets } = await makeFile(t, { armor: true });
    assertDelivers(await runTemplate(scratch, 'age-file', { inputs, secrets }), value);
  });

  test('reads files of any name, also relative to a working directory', async t => {
    for (const name of [hostileName, '-']) {
      const { scratch, dir, inputs, secrets } = await makeFile(t, { name });
      assertDelivers(await runTemplate(scratch, 'age-file', { inputs, secrets }), value);
      await copyFile(join(dir, 'age.key'), join(dir, '-i'));
      const relative = { file: name, identity_file: '-i' };
      const result = await runTemplate(scratch, 'age-file', {
        inputs: relative,
        secrets,
        workingDirectory: dir,
      });
      assertDelivers(result, value);
    }
  });

  test('names the file that is missing', async t => {
    const { scratch, inputs, secrets } = await makeFile(t);
    const noFile = await runTemplate(scratch, 'age-file', {
      inputs: { ...inputs, file: '/nowhere' },
      secrets,
    });
    assertFails(noFile, /^no file '\/nowhere'/m);
    const noKey = { ...inputs, identity_file: '/nowhere' };
    assertFails(
      await runTemplate(scratch, 'age-file', { inputs: noKey, secrets }),
      /^no identity file '\/nowhere'/m,
    );
  });

  test('says that it cannot decrypt with another identity', async t => {
    const { scratch, inputs, secrets } = await makeFile(t);
    const other = await makeAgeFile(await scratch.folder('other'), 'x');
    const mixed = { ...inputs, identity_file: other.inputs.identity_file ?? '' };
    const result = await runTemplate(scratch, 'age-file', {
      inputs: mixed,
      secrets: [...secrets, ...other.passwords],
    });
    assertFails(result, /no identity matched.*^cannot decrypt '/ms);
  });

  test('refuses a file that was never encrypted without quoting it', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t);
    const file = join(dir, 'plain');
    await writeFile(file, `${value}\n`);
    const result = await runTemplate(scratch, 'age-file', { inputs: { ...inputs, file }, secrets });
    assertFails(result, /^the file '.*' is not encrypted with age$/m);
  });

  test('delivers nothing of a file that was cut off', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t);
    const whole = await readFile(inputs.file ?? '');
    const file = join(dir, 'cut');
    await writeFile(file, whole.subarray(0, -3));
    assertFails(
      await runTemplate(scratch, 'age-file', { inputs: { ...inputs, file }, secrets }),
      /^cannot decrypt/m,
    );
  });
});

describe('the template keepassxc', { concurrency: true }, () => {
  const value = 'value in a database';

  async function makeDatabase(t: TestContext, options?: Parameters<typeof makeKeepassDatabase>[3]) {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs, passwords } = await scratch.store(
      makeKeepassDatabase(dir, 'Production/db', value, options),
    );
    return { scratch, dir, inputs, secrets: [value, ...passwords] };
  }

  for (const unlock of ['key-file', 'both'] as const) {
    test(`opens a database by ${unlock === 'both' ? 'a password and a key file' : 'a key file alone'}`, async t => {
      const { scratch, inputs, secrets } = await makeDatabase(t, { unlock });
      assertDelivers(await runTemplate(scratch, 'keepassxc', { inputs, secrets }), value);
    });
  }

  test('reads the attribute it is told, and the password when it is told none', async t => {
    const attributes = { UserName: 'bob', '-s': 'dash', Notes: 'two\nlines' };
    const { scratch, inputs, secrets } = await makeDatabase(t, { attributes });
    for (const [attribute, expected] of Object.entries({ ...attributes, '': value })) {
      const result = await runTemplate(scratch, 'keepassxc', { inputs: { ...inputs, attribute }, secrets });
      assertDelivers(result, expected);
    }
  });

  test('reads entries, databases, key files and password files of any name', async t => {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder(hostileName);
    const entry = hostileName.replace('\n', ' ');
    const store = await scratch.store(makeKeepassDatabase(dir, entry, value, { unlock: 'both' }));
    const secrets = [value, ...store.passwords];
    assertDelivers(await runTemplate(scratch, 'keepassxc', { inputs: store.inputs, secrets }), value);
    const names = { database: '-k', key_file: '--help', password_file: '-' };
    for (const [input, name] of Object.entries(names)) {
      await copyFile(store.inputs[input] ?? '', join(dir, name));
    }
    const inputs = { ...store.inputs, ...names };
    assertDelivers(
      await runTemplate(scratch, 'keepassxc', { inputs, secrets, workingDirectory: dir }),
      value,
    );
  });

  test('says why it cannot open a database', async t => {
    const { scratch, dir, inputs, secrets } = await makeDatabase(t);
    const wrong = join(dir, 'wrong');
    await writeFile(wrong, 'wrong password\n');
    const failures: [change: Inputs, message: RegExp][] = [
      [{ password_file: wrong }, /Invalid credentials.*^cannot read the attribute 'Password' of the entry/ms],
      [{ key_file: wrong }, /Invalid credentials.*^cannot read/ms],
      [{ password_file: '' }, /^the database needs a password_file, a key_file or both/m],
      [{ password_file: '/nowhere' }, /^no password file '\/nowhere'/m],
      [{ key_file: '/nowhere' }, /^no key file '\/nowhere'/m],
      [{ database: '/nowhere' }, /^no database '\/nowhere'/m],
      [{ database: wrong }, /Not a KeePass database.*^cannot read/ms],
    ];
    for (const [change, message] of failures) {
      const run = { inputs: { ...inputs, ...change }, secrets: [...secrets, 'wrong password'] };
      assertFails(await runTemplate(scratch, 'keepassxc', run), message);
    }
  });

  test('names the entry or the attribute that is missing', async t => {
    const { scratch, inputs, secrets } = await makeDatabase(t);
    const failures: [change: Inputs, message: RegExp][] = [
      [{ entry: 'Production/nope' }, /Could not find entry with path Production\/nope.*^cannot read/ms],
      [{ entry: 'Production' }, /Could not find entry.*^cannot read/ms],
      [{ entry: '' }, /^the input entry is empty/m],
      [{ attribute: 'nope' }, /unknown attribute nope.*^cannot read the attribute 'nope'/ms],
    ];
    for (const [change, message] of failures) {
      assertFails(
        await runTemplate(scratch, 'keepassxc', { inputs: { ...inputs, ...change }, secrets }),
        message,
      );
    }
  });
});

describe('the template encrypted-file', { concurrency: true }, () => {
  const value = 'value in an encrypted file';

  async function makeFile(t: TestContext, options?: Parameters<typeof makeEncryptedFile>[2]) {
    const scratch = await Scratch.make(t);
    const dir = await scratch.folder('store');
    const { inputs, passwords } = await scratch.store(makeEncryptedFile(dir, value, options));
    return { scratch, dir, inputs, secrets: [value, ...passwords] };
  }

  for (const iterations of [undefined, 1, 600_000]) {
    test(`reads what openssl wrote with ${iterations ?? 'its own number of'} iterations`, async t => {
      const { scratch, inputs, secrets } = await makeFile(t, iterations === undefined ? {} : { iterations });
      assertDelivers(await runTemplate(scratch, 'encrypted-file', { inputs, secrets }), value);
    });
  }

  test('reads files of any name, also relative to a working directory', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t, { name: hostileName });
    assertDelivers(await runTemplate(scratch, 'encrypted-file', { inputs, secrets }), value);
    await copyFile(inputs.password_file ?? '', join(dir, '-in'));
    const relative = { ...inputs, file: hostileName, password_file: '-in' };
    const result = await runTemplate(scratch, 'encrypted-file', {
      inputs: relative,
      secrets,
      workingDirectory: dir,
    });
    assertDelivers(result, value);
  });

  test('says that it cannot decrypt with another password or number of iterations', async t => {
    const { scratch, dir, inputs } = await makeFile(t);
    // A file made once, because the format has no authentication: of the files made afresh, one in 256
    // would "open" with a wrong password.
    const file = join(dir, 'constant.enc');
    const ciphertext = 'U2FsdGVkX19moR+sJVMDSQNTmnpWFBIWmcxl296KIOrjFoWLUpCkuR19LJFm5M0d';
    await writeFile(file, Buffer.from(ciphertext, 'base64'));
    const changes: { password?: string; iterations?: string }[] = [
      { password: 'not this one' },
      { iterations: '2' },
    ];
    for (const { password = 'the password', iterations = '' } of changes) {
      const password_file = join(dir, 'password');
      await writeFile(password_file, `${password}\n`);
      const run = { inputs: { ...inputs, file, password_file, iterations }, secrets: [value, password] };
      assertFails(await runTemplate(scratch, 'encrypted-file', run), /bad decrypt.*^cannot decrypt '/ms);
    }
  });

  test('refuses a file that was never encrypted without quoting it', async t => {
    const { scratch, dir, inputs, secrets } = await makeFile(t);
    const file = join(dir, 'plain');
    await writeFile(file, `${value}\n`);
    const result = await runTemplate(scratch, 'encrypted-file', { inputs: { ...inputs, file }, secrets });
    assertFails(result, /^cannot decrypt .*not a file that openssl enc -aes-256-cbc -pbkdf2 has written$/m);
  });

  test('names the input that is wrong', async t => {
    const { scratch, inputs, secrets } = await makeFile(t);
    const failures: [change: Inputs, message: RegExp][] = [
      [{ file: '/nowhere' }, /^no file '\/nowhere'/m],
      [{ password_file: '/nowhere' }, /^no password file '\/nowhere'/m],
      [{ iterations: '1e3' }, /^iterations must be a whole number, not '1e3'$/m],
    ];
    for (const [change, message] of failures) {
      const run = { inputs: { ...inputs, ...change }, secrets };
      assertFails(await runTemplate(scratch, 'encrypted-file', run), message);
    }
  });
});
