// What the images ship: both programs in a file each, in a folder where no package is.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startPostgres } from './harness/postgres.ts';
import { type Program, startProgram } from './harness/program.ts';
import { temporaryFolder } from './harness/temporary-folder.ts';

const folder = temporaryFolder();
const agent = folder.file('agent/legate.js');
const server = folder.file('control-plane/legate.js');

before(() => {
  const script = fileURLToPath(new URL('../scripts/build.ts', import.meta.url));
  execFileSync(process.execPath, [script, folder.path], { stdio: 'pipe' });
});
after(() => folder[Symbol.dispose]());

test('the agent is one file, and the control plane one with the two of its grammar', () => {
  assert.deepEqual(readdirSync(folder.file('agent')), ['legate.js']);
  const files = ['legate.js', 'tree-sitter-bash.wasm', 'web-tree-sitter.wasm'];
  assert.deepEqual(readdirSync(folder.file('control-plane')).toSorted(), files);
});

test('a bundle imports nothing but what Node has', () => {
  for (const file of [agent, server]) {
    const text = readFileSync(file, 'utf8');
    const first = /^(?:import\b[^;]*;\s*)+/.exec(text)?.[0] ?? '';
    const imports = [
      ...first.matchAll(/(?:from|import)\s*"([^"]+)"/g),
      ...text.matchAll(/\bimport\(`([^`]+)`/g),
    ];
    const names = imports.map(match => match[1] ?? '');
    assert.ok(names.includes('node:fs') || names.includes('fs'), 'the search finds imports');
    const packages = names.filter(name => !isBuiltin(name));
    assert.deepEqual(packages, [], file);
  }
});

test('both say their version, and take a wrong setting as one line', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  for (const file of [agent, server]) {
    assert.equal(execFileSync(process.execPath, [file, '--version'], { encoding: 'utf8' }).trim(), version);
    const wrong = file === agent ? ['agent', '--url', 'ftp://x'] : ['server', '--listen', 'x'];
    const run = spawnSync(process.execPath, [file, ...wrong], { encoding: 'utf8', cwd: folder.path });
    assert.equal(run.status, 2);
    assert.equal(run.stderr.trim().split('\n').length, 1, run.stderr);
  }
});

const documents = `template:
  name: t
  identifier: t
  versionLabel: "1"
  type: SecretManager
  spec:
    shell: Bash
    onDelegate: true
    source: { type: Inline, spec: { script: 'secret="from the bundle"' } }
    environmentVariables: []
---
connector:
  name: c
  identifier: c
  type: CustomSecretManager
  spec: { onDelegate: true, template: { templateRef: account.t, versionLabel: "1", templateInputs: { environmentVariables: [] } } }
---
secret:
  type: SecretText
  name: s
  identifier: s
  spec: { secretManagerIdentifier: account.c, valueType: CustomSecretManagerValues, value: "" }
`;

/** Starts both bundles, applies, fetches, and asks the GraphQL face. */
async function tryBundles(data: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const started: Program[] = [];
  const start = (...args: Parameters<typeof startProgram>) => {
    const program = startProgram(...args);
    started.push(program);
    return program;
  };
  try {
    const args = [server, 'server', '--listen', '127.0.0.1:0', '--data', data];
    const url = String(
      (await start({ args, env: settings, cwd: folder.path }).said('control plane started')).url,
    );
    const env = {
      PATH: process.env.PATH ?? '',
      LEGATE_SERVER: url,
      LEGATE_API_KEY_FILE: `${data}/admin.key`,
    };
    const legate = (input: string, ...rest: string[]) =>
      execFileSync(process.execPath, [server, ...rest], { env, input, encoding: 'utf8', cwd: folder.path });
    const token = legate('', 'delegate', 'token', 'create', 'bundles').trim();
    const delegate = start({
      args: [
        agent,
        'agent',
        '--url',
        url,
        '--name',
        'bundles',
        '--health-listen',
        '127.0.0.1:0',
        '--work-dir',
        folder.path,
      ],
      env: { LEGATE_TOKEN: token },
      cwd: folder.path,
    });
    await delegate.said('connected to the control plane');
    legate(documents, 'apply', '-f', '-');
    assert.equal(legate('', 'secret', 'get', 'account.s'), 'from the bundle');
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-api-key': readFileSync(`${data}/admin.key`, 'utf8').trim(),
      },
      body: JSON.stringify({ query: '{ __typename }' }),
    });
    assert.deepEqual(await answer.json(), { data: { __typename: 'Query' } });
    delegate.signal('SIGTERM');
    assert.deepEqual(await delegate.ended, { code: 0, signal: null });
  } finally {
    for (const program of started.toReversed()) await program.stop();
  }
}

test('the built agent fetches a secret through the built control plane on SQLite', async () => {
  await tryBundles(folder.file('sqlite'), {});
});

test('the built control plane keeps its store in a Postgres', async () => {
  await using postgres = await startPostgres();
  await tryBundles(folder.file('postgres'), { LEGATE_DATABASE_URL: postgres.url('postgres') });
});
