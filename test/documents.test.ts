// The life of documents through the real command line: in, out, changed, compared, accepted, and gone again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startWorld, type World } from './harness/world.ts';

let world: World;
let folder: string;
before(async () => {
  world = await startWorld();
  folder = join(world.folder, 'documents');
  await mkdir(folder);
  writeFileSync(join(folder, 'key.pem'), 'some\nkey\n');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await world.connectedAgent();
});
after(async () => world[Symbol.asyncDispose]());

const place = ['--org', 'retail', '--project', 'shop'];
const inPlace = '  orgIdentifier: retail\n  projectIdentifier: shop\n';

/** A script with blanks at the ends of lines, a blank line, and more than one line end at its end. */
const script = (word: string) => `
          user="<+secrets.getValue("account.user")>"  
          pin='<+secrets.getValue("org.pin")>'

          key="<+secrets.getValue("key")>"
          secret="${word} $user $pin \${#key} <+spec.environmentVariables.path>"

`;

const template = (word: string, inputs = '') => `# A comment that no export holds.
template:
  name: joined
  identifier: joined
  versionLabel: 1.0
  type: SecretManager
  orgIdentifier: retail
  tags: { team: "yes" }
  icon: data:image/png;base64,AAAA
  spec:
    shell: Bash
    onDelegate: true
    source:
      type: Inline
      spec:
        script: |+${script(word)}
    environmentVariables:
      - { name: path, type: String, value: <+input> }
${inputs}`;

const files = {
  'template.yaml': template('old'),
  'connector.yaml': `connector:
  name: joined
  identifier: joined
${inPlace}  type: CustomSecretManager
  spec:
    timeout: 30
    mine: 007
    template:
      templateRef: org.joined
      versionLabel: 1.0
      templateInputs:
        environmentVariables:
          - { name: path, type: String, value: test }
`,
  'secret.yaml': `secret:
  type: SecretText
  name: joined
  identifier: joined
${inPlace}  spec:
    secretManagerIdentifier: joined
    valueType: CustomSecretManagerValues
    value: '{"environmentVariables":[{"name":"path","type":"String","value":"demo"}]}'
`,
  'built-in.yaml': `secret:
  type: SecretText
  name: user
  identifier: user
  spec: { secretManagerIdentifier: harnessSecretManager, valueType: Inline, value: ada }
---
secret:
  type: SecretText
  name: pin
  identifier: pin
  orgIdentifier: retail
  spec: { secretManagerIdentifier: org.harnessSecretManager, valueType: Inline, value: "0815" }
---
secret:
  type: SecretFile
  name: key
  identifier: key
${inPlace}  spec: { secretManagerIdentifier: harnessSecretManager, file: ./key.pem }
---
application:
  identifier: web
  name: Web shop
  environments: [{ identifier: live, name: Live, type: Production }]
`,
};

async function legate(...args: string[]): Promise<string> {
  const result = await world.legate(args);
  assert.equal(result.code, 0, `legate ${args.join(' ')}: ${result.err}`);
  return result.out.toString();
}

async function refused(...args: string[]): Promise<string> {
  const result = await world.legate(args);
  assert.equal(result.code, 1, result.out.toString());
  return result.err;
}

/** The lines of what was not the same already. */
const notUnchanged = (applied: string) =>
  applied
    .trimEnd()
    .split('\n')
    .filter(line => !line.endsWith(' unchanged'));

describe('documents of three scopes', () => {
  test('are applied with the files that they name, and connectors tested', async () => {
    const applied = await legate('apply', '-f', folder);
    assert.deepEqual(applied.trimEnd().split('\n').sort(), [
      'application application/web created',
      'connector org/retail/shop/joined created',
      'secret account.user created',
      'secret org/retail/pin created',
      'secret org/retail/shop/joined created',
      'secret org/retail/shop/key created',
      'template org/retail/joined@1.0 created',
    ]);
    assert.equal(await legate('secret', 'get', 'joined', ...place), 'old ada 0815 9 demo');
    assert.equal(await legate('secret', 'get', 'org/retail/shop/joined'), 'old ada 0815 9 demo');
  });

  test('are listed and shown where they are, and nowhere else', async () => {
    assert.match(
      await legate('get', 'connectors', ...place),
      /\norg\/retail\/shop\/joined +org\/retail\/joined +1\.0 /,
    );
    assert.doesNotMatch(await legate('get', 'connectors'), /joined/);
    assert.doesNotMatch(await legate('get', 'connectors', '--org', 'retail'), /joined/);
    const shown = await legate('get', 'template', 'org.joined', ...place);
    assert.match(shown, /script: \|\+\n {10}user=".*" {2}\n/);
    assert.match(shown, /versionLabel: "1\.0"\n/);
    assert.match(
      await legate('get', 'secret', 'account.user', '-o', 'json'),
      /"usedBy": \[\n\s+"connector org\/retail\/shop\/joined"/,
    );
    assert.match(await legate('get', 'delegates'), /\ndelegate +account +connected +ENABLED /);
  });

  test('are explained', async () => {
    const plan = await legate('explain', 'joined', ...place);
    assert.match(plan, /template +org\/retail\/joined@1\.0\n/);
    assert.match(plan, /\npath +"demo" +secret\n/);
    assert.match(plan, /\ndelegate +\S+ +matches\n/);
  });

  test('come out, and what came out is unchanged when it is applied', async () => {
    const out = join(world.folder, 'exported');
    const exported = await world.legate(['export', '--recursive', '-o', out]);
    assert.match(exported.err, /without theirs: account\.user, org\/retail\/pin, org\/retail\/shop\/key\./);
    assert.deepEqual(notUnchanged(await legate('apply', '-f', out)), []);
    // Whether a value is the one that is there is not told, so one that is given counts as a change.
    assert.deepEqual(notUnchanged(await legate('apply', '-f', folder)), [
      'secret account.user changed',
      'secret org/retail/pin changed',
      'secret org/retail/shop/key changed',
    ]);
    const stream = await legate('export', '--recursive');
    const again = await world.legate(['apply', '-f', '-'], { input: stream });
    assert.deepEqual(notUnchanged(again.out.toString()), []);
    assert.equal((await legate('apply', '-f', out)).trimEnd().split('\n').length, 7);
    for (const value of ['ada', '0815', 'some\nkey']) assert.ok(!stream.includes(value), value);
    assert.match(stream, /timeout: 30\n {4}mine: "007"\n/);
  });
});

describe('a template that changes', () => {
  const apply = (yaml: string, ...args: string[]) => {
    const file = join(world.folder, 'changed.yaml');
    writeFileSync(file, yaml);
    return ['apply', '-f', file, ...args];
  };

  test('is refused while connectors use it, with what it would mean to them', async () => {
    const told = await refused(...apply(template('new')));
    assert.match(told, /template org\/retail\/joined@1\.0 is in use, .* apply with --accept/);
    assert.match(
      told,
      /connector org\/retail\/shop\/joined: another script; its secrets: org\/retail\/shop\/joined/,
    );
    assert.equal(await legate('secret', 'get', 'joined', ...place), 'old ada 0815 9 demo');
  });

  test('is compared as a version of its own', async () => {
    await legate(...apply(template('new').replace('versionLabel: 1.0', 'versionLabel: 2.0')));
    const diff = await legate('template', 'diff', 'org.joined', ...place);
    assert.match(diff, /^org\/retail\/joined: 1\.0 → 2\.0\n--- a\/1\.0\n\+\+\+ b\/2\.0\n/);
    assert.match(diff, /\n-secret="old .*\n\+secret="new /);
    assert.match(diff, /\nconnector org\/retail\/shop\/joined of 1\.0: another script; /);
    await legate('template', 'stable', 'org.joined', '--version-label', '2.0', ...place);
    assert.match(await legate('template', 'search', 'JOIN', '--org', 'retail'), / 2\.0 +yes /);
  });

  test('moves its connectors when that is accepted', async () => {
    const applied = await legate(...apply(template('new'), '--accept'));
    assert.match(applied, /connector org\/retail\/shop\/joined moved to the new content: another script; /);
    assert.equal(await legate('secret', 'get', 'joined', ...place), 'new ada 0815 9 demo');
  });

  test('leaves a connector that would not fit where it is, until that is mended and accepted', async () => {
    const more = '      - { name: more, type: String, value: <+input> }\n';
    const applied = await legate(...apply(template('newer', more), '--accept'));
    assert.match(applied, /stays with the older content: another script; inputs added: more/);
    assert.equal(await legate('secret', 'get', 'joined', ...place), 'new ada 0815 9 demo');
    assert.match(await legate('get', 'connectors', ...place), / 1\.0 +yes /);
    assert.match(await refused('connector', 'accept', 'joined', ...place), /would not fit: .*more/);
    const input = '          - { name: more, type: String, value: x, useAsDefault: true }\n';
    await legate(...apply(files['connector.yaml'] + input));
    assert.match(
      await legate('connector', 'accept', 'joined', ...place),
      /moved to the new content: another script; inputs added: more/,
    );
    assert.equal(await legate('secret', 'get', 'joined', ...place), 'newer ada 0815 9 demo');
  });
});

describe('what is to go', () => {
  test('is refused in the wrong order, with what uses it', async () => {
    assert.match(
      await refused('delete', 'template', 'org.joined', ...place),
      /used by connector org\/retail\/shop\/joined/,
    );
    assert.match(
      await refused('delete', 'connector', 'joined', ...place),
      /used by secret org\/retail\/shop\/joined/,
    );
    assert.match(
      await refused('delete', 'secret', 'account.user'),
      /used by connector org\/retail\/shop\/joined/,
    );
  });

  test('goes in the right order, one by one or as the files have it', async () => {
    assert.equal(
      await legate('delete', 'secret', 'joined', ...place),
      'secret org/retail/shop/joined deleted\n',
    );
    const version = ['--version-label', '2.0', ...place];
    assert.equal(
      await legate('delete', 'template', 'org.joined', ...version),
      'template org/retail/joined@2.0 deleted\n',
    );
    assert.deepEqual((await legate('delete', '-f', folder)).trimEnd().split('\n'), [
      'secret org/retail/shop/joined is not there',
      'connector org/retail/shop/joined deleted',
      'secret account.user deleted',
      'secret org/retail/pin deleted',
      'secret org/retail/shop/key deleted',
      'template org/retail/joined@1.0 deleted',
      'application application/web deleted',
    ]);
    assert.equal(await legate('export', '--recursive'), '');
  });
});
