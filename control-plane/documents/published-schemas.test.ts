/** The schemas in the repository are those of the code, and agree with what users write. */
import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseAllDocuments } from 'yaml';
import { publishedSchemas } from './published-schemas.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });

const validators = new Map(
  Object.entries(publishedSchemas()).map(([name, schema]) => [name, ajv.compile(schema)]),
);

/** The problems that an editor would show. */
function problems(yaml: string, name = 'legate.schema.json'): string[] {
  const validate = validators.get(name);
  assert.ok(validate, name);
  const documents = parseAllDocuments(yaml);
  assert.ok(Array.isArray(documents));
  return documents
    .map((document): unknown => document.toJS())
    .flatMap(data => {
      if (data === null || validate(data)) return [];
      return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${String(message)}`);
    });
}

test('the files in schemas/ are up to date (npm run schemas)', () => {
  const written = readdirSync(`${root}/schemas`).filter(name => name.endsWith('.schema.json'));
  assert.deepEqual(written.sort(), Object.keys(publishedSchemas()).sort());
  for (const [name, schema] of Object.entries(publishedSchemas()))
    assert.deepEqual(JSON.parse(readFileSync(`${root}/schemas/${name}`, 'utf8')), schema, name);
});

test('the gallery and Harness YAML are right to an editor', () => {
  const files = globSync(['templates/**/*.yaml', 'test/fixtures/harness-yaml/**/*.yaml'], { cwd: root });
  const supported = files.filter(name => !name.includes('unsupported'));
  assert.ok(supported.length > 15);
  for (const name of supported) assert.deepEqual(problems(readFileSync(`${root}/${name}`, 'utf8')), [], name);
});

test('what an editor should mark is marked', () => {
  const connector = (spec: string) =>
    `connector: { name: x, identifier: x, type: CustomSecretManager, spec: { template: { templateRef: account.x, versionLabel: 1.0 }, ${spec} } }`;
  for (const right of ['timeout: 20', 'timeout: "20"', 'onDelegate: "true"', 'host: null', 'mine: [1]'])
    assert.deepEqual(problems(connector(right)), [], right);
  for (const wrong of [
    'timeout: 0',
    'timeout: 3601',
    'timeout: 1.5',
    'timeout: true',
    'onDelegate: 1.5',
    'host: []',
  ])
    assert.notDeepEqual(problems(connector(wrong)), [], wrong);
  assert.notDeepEqual(problems('template: { type: Step }'), []);
  assert.notDeepEqual(problems('pipeline: {}'), []);
  assert.notDeepEqual(problems('secret: { identifier: 1x, name: x, type: SecretText, spec: {} }'), []);
});

test('a value that is null, or no scalar, is marked, and a number is not', () => {
  const template = (value: string) =>
    `template: { name: x, identifier: x, versionLabel: 1, type: SecretManager, spec: { shell: Bash, source: { type: Inline, spec: { script: a } }, environmentVariables: [{ name: a, type: string, value: ${value} }] } }`;
  for (const right of ['5', '""', 'true', '<+input>'])
    assert.deepEqual(problems(template(right), 'template.schema.json'), [], right);
  for (const wrong of ['null', '{}', '[]'])
    assert.notDeepEqual(problems(template(wrong), 'template.schema.json'), [], wrong);
});
