// The ECS task definition: the shape that registering it needs, and agreement with image and agent.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { at, listAt, named } from './harness/data.ts';

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const definition: unknown = JSON.parse(read('deploy/ecs/task-definition.json'));
const container = listAt(definition, 'containerDefinitions')[0];

const pair = (...names: string[]) => ({
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: names,
    properties: Object.fromEntries(names.map(name => [name, { type: 'string' }])),
  },
});
/** The fields of RegisterTaskDefinition that are used here, with their limits. */
const shape = {
  type: 'object',
  additionalProperties: false,
  required: ['family', 'containerDefinitions'],
  properties: {
    family: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,255}$' },
    requiresCompatibilities: { type: 'array', items: { enum: ['EC2', 'FARGATE', 'EXTERNAL'] } },
    networkMode: { enum: ['bridge', 'host', 'awsvpc', 'none'] },
    cpu: { type: 'string', pattern: '^[0-9]+$' },
    memory: { type: 'string', pattern: '^[0-9]+$' },
    executionRoleArn: { type: 'string', pattern: '^arn:aws:iam::[0-9]{12}:role/' },
    taskRoleArn: { type: 'string', pattern: '^arn:aws:iam::[0-9]{12}:role/' },
    containerDefinitions: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'image'],
        properties: {
          name: { type: 'string' },
          image: { type: 'string' },
          essential: { type: 'boolean' },
          user: { type: 'string' },
          privileged: { type: 'boolean' },
          readonlyRootFilesystem: { type: 'boolean' },
          dockerSecurityOptions: { type: 'array', items: { type: 'string' } },
          linuxParameters: {
            type: 'object',
            additionalProperties: false,
            properties: {
              initProcessEnabled: { type: 'boolean' },
              capabilities: {
                type: 'object',
                properties: { drop: { type: 'array', items: { type: 'string' } } },
              },
              tmpfs: {
                type: 'array',
                items: {
                  type: 'object',
                  additionalProperties: false,
                  required: ['containerPath', 'size'],
                  properties: {
                    containerPath: { type: 'string', pattern: '^/' },
                    size: { type: 'integer', minimum: 1 },
                    mountOptions: { type: 'array', items: { type: 'string' } },
                  },
                },
              },
            },
          },
          environment: pair('name', 'value'),
          secrets: pair('name', 'valueFrom'),
          portMappings: { type: 'array' },
          healthCheck: {
            type: 'object',
            additionalProperties: false,
            required: ['command'],
            properties: {
              command: { type: 'array', items: { type: 'string' }, minItems: 2 },
              interval: { type: 'integer', minimum: 5, maximum: 300 },
              timeout: { type: 'integer', minimum: 2, maximum: 60 },
              retries: { type: 'integer', minimum: 1, maximum: 10 },
              startPeriod: { type: 'integer', minimum: 0, maximum: 300 },
            },
          },
          stopTimeout: { type: 'integer', minimum: 2, maximum: 120 },
          logConfiguration: { type: 'object', required: ['logDriver'] },
        },
      },
    },
  },
};

test('it has the shape of a task definition', () => {
  const valid = new Ajv2020({ allErrors: true }).compile(shape);
  assert.ok(valid(definition), JSON.stringify(valid.errors));
});

test('the container is without privileges, with a read-only root and a pinned image', () => {
  const { version } = JSON.parse(read('package.json'));
  assert.ok(String(at(container, 'image')).endsWith(`:${version}`));
  assert.equal(at(container, 'user'), '10001:10001');
  assert.equal(at(container, 'readonlyRootFilesystem'), true);
  assert.equal(at(container, 'privileged'), false);
  assert.deepEqual(at(container, 'linuxParameters', 'capabilities', 'drop'), ['ALL']);
  const writable = listAt(container, 'linuxParameters', 'tmpfs').map(mount => at(mount, 'containerPath'));
  assert.deepEqual(writable, ['/tmp', '/opt/legate/bin']);
});

test('its health check is the one of the image, and a drain fits into the time to stop', () => {
  const image = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(read('Dockerfile'))?.[1] ?? '';
  assert.deepEqual(at(container, 'healthCheck', 'command'), ['CMD', ...JSON.parse(image)]);
  const drain = at(named(listAt(container, 'environment'), 'LEGATE_DRAIN_TIMEOUT'), 'value');
  assert.ok(Number(drain) + 10 <= Number(at(container, 'stopTimeout')));
});

test('the token comes from a secret', () => {
  assert.match(
    String(at(named(listAt(container, 'secrets'), 'LEGATE_TOKEN'), 'valueFrom')),
    /:secretsmanager:/,
  );
  for (const variable of listAt(container, 'environment'))
    assert.doesNotMatch(String(at(variable, 'name')), /TOKEN/);
});
