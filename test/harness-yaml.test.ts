// A folder as it comes out of Harness is imported, and every template in it reads its store: the credentials from
// the built-in manager, the values byte for byte, whatever characters either of them holds.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import {
  type ConjurStore,
  type GithubStore,
  type KvStore,
  startConjurStore,
  startGithub,
  startKvStore,
} from './harness/http-stores.ts';
import { startWorld, type World } from './harness/world.ts';

const exported = fileURLToPath(new URL('fixtures/harness-yaml', import.meta.url));
const supported = ['all-defaults', 'built-in', 'conjur', 'github-app', 'project-scope', 'vault-kv'];
const connectors = [
  'account.vault_kv',
  'account.conjur',
  'account.github_app',
  'account.unwrap',
  'org/retail/shop/shop_kv',
];

const values: Readonly<Record<string, string>> = {
  quotes: `canary it's "quoted", \`id\` and ''' and """`,
  dollars: 'canary $HOME ${HOME} $(id) $$ $1 $',
  backslashes: 'canary \\n \\\\ \\" \\',
  lines: 'canary first\n  second\n\n\tfourth\n#fifth',
  unicode: 'canary é 漢 🔑 \u00a0\u2028 e\u0301',
  dashes: '-n canary --help -e',
  stars: '* canary ? [a-z] {a,b} ~ !! *',
  equals: 'canary=a=b==',
  shell: 'canary; exit 3 & cat <x >y | z && (w) # v',
  expressions: 'canary <+input> <+secrets.getValue("account.vault_token")> ${secrets}',
  percents: 'canary %s %n %00 %',
  json: '{"canary": [null, true, "\\u0041"]}',
  long: 'canary 0123456789 '.repeat(5_000).trim(),
};

/** The text that a document of the fixtures gives for a secret of the built-in manager. */
function builtIn(identifier: string): string {
  for (const file of ['texts.yaml', 'files.yaml']) {
    for (const document of parseAllDocuments(readFileSync(join(exported, 'built-in', file), 'utf8'))) {
      if (document.getIn(['secret', 'identifier']) !== identifier) continue;
      const spec = ['secret', 'spec'];
      return String(document.getIn([...spec, 'value']) ?? document.getIn([...spec, 'content']));
    }
  }
  throw new Error(`the fixtures hold no secret ${identifier}`);
}

const appKey = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const jumpKey = generateKeyPairSync('ed25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const credentials = [
  ...['vault_token', 'conjur_api_key', 'jump_key_passphrase', 'kv_user', 'kv_pin', 'wrapping_token'].map(
    builtIn,
  ),
  appKey.privateKey,
  jumpKey.privateKey,
];

let world: World;
let vault: KvStore;
let shop: KvStore;
let conjur: ConjurStore;
let github: GithubStore;
let folder: string;
/** Everything that commands have written, but for the values that were asked for. */
let written = '';

before(async () => {
  const token = builtIn('vault_token');
  [world, vault, shop, conjur, github] = await Promise.all([
    startWorld(),
    startKvStore({ token }),
    startKvStore({ token, login: { user: builtIn('kv_user'), password: builtIn('kv_pin') } }),
    startConjurStore({ account: 'acme', login: 'host/delegates', apiKey: builtIn('conjur_api_key') }),
    startGithub({ app: '314159', installation: '2718281828', publicKey: createPublicKey(appKey.publicKey) }),
  ]);
  vault.entries.set('connection/test', { password: 'canary connection' });
  shop.entries.set('connection/test', { password: 'canary connection' });
  conjur.variables.set('connection/test', 'canary connection');
  vault.wrapped.set(builtIn('wrapping_token').trimEnd(), 'canary wrapped "$HOME"\n\'second\' line');
  folder = layOut();
  await world.connectedAgent();
});
after(async () => {
  for (const part of [world, vault, shop, conjur, github]) await part[Symbol.asyncDispose]();
});

/** The fixtures in a folder of their own, with the stores' addresses and the keys in their places. */
function layOut(): string {
  const path = join(world.folder, 'harness');
  cpSync(exported, path, { recursive: true });
  const urls = { vault: vault.url, shop: shop.url, conjur: conjur.url, github: github.url };
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.yaml')) continue;
    let text = readFileSync(join(path, name), 'utf8');
    for (const [store, url] of Object.entries(urls))
      text = text.replaceAll(`http://${store}.store.test`, url);
    writeFileSync(join(path, name), text);
  }
  writeFileSync(join(path, 'built-in/github-app.pem'), appKey.privateKey);
  writeFileSync(join(path, 'built-in/jump-key.pem'), jumpKey.privateKey);
  return path;
}

async function legate(...args: string[]) {
  const result = await world.legate(args);
  if (args[0] !== 'secret') written += result.out.toString();
  return result;
}

async function fetched(reference: string): Promise<string> {
  const result = await legate('secret', 'get', reference);
  assert.equal(result.code, 0, result.err);
  return result.out.toString();
}

describe('a folder of Harness YAML', () => {
  test('is imported as a whole, apart from what is not supported', async () => {
    const imported = await legate('import', folder);
    const out = imported.out.toString() + imported.err;
    for (const reference of [...connectors, 'account.jump_key', 'account.github_token', 'org/retail/kv_user'])
      assert.ok(out.includes(reference), `${reference} is not in:\n${out}`);
    for (const [file, line] of [
      ['step-template.yaml', 1],
      ['others.yaml', 11],
      ['others.yaml', 37],
      ['others.yaml', 49],
    ] as const)
      assert.match(out, new RegExp(`${file}:${line}\\b`), `line ${line} of ${file} is not in:\n${out}`);
  });

  test('is unchanged when it is applied once more', async () => {
    const files = supported.flatMap(name => ['-f', join(folder, name)]);
    const applied = await legate('apply', ...files);
    assert.equal(applied.code, 0, applied.err);
    const lines = applied.out.toString().trimEnd().split('\n');
    assert.ok(lines.length > 20, applied.out.toString());
    const changed = lines.filter(line => !line.endsWith('unchanged'));
    // Saying whether a value is the one that is there would tell it to whoever may try often enough.
    assert.deepEqual(
      changed.filter(line => !/^secret \S+ changed$/.test(line)),
      [],
    );
    assert.ok(changed.length < lines.length / 2, changed.join('\n'));
  });

  for (const connector of connectors)
    test(`has a connector ${connector} that works`, async () => {
      const tested = await legate('connector', 'test', connector);
      assert.equal(tested.code, 0, tested.err);
    });
});

describe('what a store holds comes out byte for byte', () => {
  for (const [name, value] of Object.entries(values)) {
    test(`of a key-value store: ${name}`, async () => {
      const certificate = Buffer.from(value).toString('base64');
      vault.entries.set('orders/database', { user: 'orders', password: value, certificate });
      assert.equal(await fetched('account.orders_database_password'), value);
      if (name === 'lines' || name === 'unicode')
        assert.equal(await fetched('account.orders_certificate'), value);
    });

    test(`of Conjur: ${name}`, async () => {
      conjur.variables.set('payments/gateway-key', value);
      assert.equal(await fetched('account.payment_gateway_key'), value);
    });
  }

  test('of a store that a project reads with secrets of three scopes', async () => {
    shop.entries.set('cart/signing-key', { password: values.quotes ?? '' });
    assert.equal(await fetched('org/retail/shop/cart_signing_key'), values.quotes);
  });

  test('of a store that is asked with a credential of many lines, where every input is a default', async () => {
    assert.equal(await fetched('account.unwrapped'), 'canary wrapped "$HOME"\n\'second\' line');
  });

  test('of GitHub, which gives each fetch a token of its own', async () => {
    const before = github.issued.length;
    const tokens = [await fetched('account.github_token'), await fetched('account.github_token')];
    assert.deepEqual(tokens, github.issued.slice(before));
    assert.equal(new Set(tokens).size, 2);
  });
});

test('a store that refuses is a failure that says so, without the credential', async () => {
  conjur.variables.delete('payments/gateway-key');
  const result = await legate('secret', 'get', 'account.payment_gateway_key');
  assert.equal(result.code, 1);
  assert.match(result.err, /SCRIPT_EXIT_NONZERO|exit code 1/);
  assert.match(result.err, /the variable could not be read/);
  assert.deepEqual(conjur.refused, ['404: no such variable']);
  assert.deepEqual([...vault.refused, ...shop.refused, ...github.refused], []);
});

test('no credential and no value is in any output, and no credential is in the store as it was written', () => {
  const output = world.output() + written;
  const forms = (secret: string) =>
    secret
      .split('\n')
      .map(line => line.trim())
      // Of a PEM the first and the last line are no secret.
      .filter(line => line.length >= 6 && !line.startsWith('-----'))
      .flatMap(line => [line, JSON.stringify(line).slice(1, -1), Buffer.from(line).toString('base64')]);
  for (const secret of [...credentials, ...Object.values(values), ...github.issued])
    for (const form of forms(secret)) assert.ok(!output.includes(form), `found in the output: ${form}`);

  const data = join(world.folder, 'data');
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  for (const { name, parentPath } of files) {
    const bytes = readFileSync(join(parentPath, name));
    for (const form of credentials.flatMap(forms))
      assert.ok(!bytes.includes(form), `found in ${name}: ${form}`);
  }
  assert.ok(!existsSync('/tmp/never'), 'a credential was run');
});
