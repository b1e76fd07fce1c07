import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from '../control-plane/domain/errors.ts';
import { testGraphql } from './harness/graphql.ts';

const remove =
  'mutation { deleteSecret(input: {secretId: "abc", secretType: ENCRYPTED_TEXT}) { clientMutationId } }';

test('a field that fails is null, in the contract’s frame, with HTTP 200', async () => {
  await using server = testGraphql({
    deleteFirstGenSecret: async (_, id) => {
      throw new RequestError('INVALID_REQUEST', `No secret exists with the id ${id}`);
    },
  });
  const answer = await server.ask(remove);
  assert.equal(answer.status, 200);
  assert.deepEqual(JSON.parse(answer.text), {
    data: { deleteSecret: null },
    errors: [
      {
        message:
          'Exception while fetching data (/deleteSecret) : Invalid request: No secret exists with the id abc',
        path: ['deleteSecret'],
        locations: [{ line: 1, column: 12 }],
        extensions: { classification: 'DataFetchingException', code: 'INVALID_REQUEST' },
      },
    ],
  });
  assert.equal(server.log(), '');
});

test('the path of the frame uses the alias, and fields beside it are answered', async () => {
  await using server = testGraphql({
    findSecretManager: async () => {
      throw new RequestError('ACCESS_DENIED', 'ACCESS_DENIED');
    },
    listSecretManagers: async () => ({ nodes: [], total: 0 }),
  });
  const { data, errors } = await server.ask(
    '{ mine: secretManager(secretManagerId: "x") { id } secretManagers(limit: 5) { nodes { id } } }',
  );
  assert.deepEqual(data, { mine: null, secretManagers: { nodes: [] } });
  assert.deepEqual(
    errors.map(({ message }) => message),
    ['Exception while fetching data (/mine) : User not authorized: ACCESS_DENIED'],
  );
});

test('several causes are joined, each with the prefix of its class, repeats dropped', async () => {
  const cause = new RequestError('SECRET_MANAGEMENT_ERROR', 'the cause');
  const error = new RequestError('INVALID_ARGUMENT', ['one', 'two', 'one']);
  error.cause = cause;
  await using server = testGraphql({
    deleteSecretManager: async () => {
      throw error;
    },
  });
  const { errors } = await server.ask(
    'mutation { deleteSecretManager(input: {secretManagerId: "x"}) { clientMutationId } }',
  );
  assert.equal(
    errors[0]?.message,
    'Exception while fetching data (/deleteSecretManager) : ' +
      'Invalid argument(s): one;; Invalid argument(s): two;; the cause',
  );
});

test('what an error says besides its text comes along as extensions', async () => {
  class ScriptError extends RequestError {
    readonly details = { code: 'SCRIPT_EXIT_NONZERO', exitCode: 3, signal: undefined };
  }
  await using server = testGraphql({
    deleteFirstGenSecret: async () => {
      throw new ScriptError('SECRET_MANAGEMENT_ERROR', ['the text', 'the cause']);
    },
  });
  const { errors } = await server.ask(remove);
  assert.equal(errors[0]?.message, 'Exception while fetching data (/deleteSecret) : the text;; the cause');
  const extensions = { classification: 'DataFetchingException', code: 'SCRIPT_EXIT_NONZERO', exitCode: 3 };
  assert.deepEqual(errors[0]?.extensions, extensions);
});

test('what went wrong inside stays there: the caller gets a correlation id, the log the rest', async () => {
  await using server = testGraphql({
    deleteFirstGenSecret: async () => {
      throw new Error('no such table: secrets');
    },
  });
  const { status, errors, text } = await server.ask(remove);
  assert.equal(status, 200);
  const { correlationId, code } = errors[0]?.extensions ?? {};
  assert.match(
    errors[0]?.message ?? '',
    /^Exception while fetching data \(\/deleteSecret\) : An error has occurred\. /,
  );
  assert.equal(code, 'INTERNAL');
  assert.doesNotMatch(text, /table|stack|node_modules/);
  assert.ok(typeof correlationId === 'string' && server.log().includes(correlationId));
  assert.match(server.log(), /no such table/);
});

test('what was sent is not repeated: it may be a secret in the wrong place', async () => {
  await using server = testGraphql();
  const create = 'mutation($i: CreateSecretInput!) { createSecret(input: $i) { secret { id } } }';
  const text = (value: unknown) => ({ i: { secretType: 'ENCRYPTED_TEXT', encryptedText: value } });
  const errors = [
    (await server.ask(create, text({ name: 'x', value: ['hunter2'] }))).errors,
    (await server.ask(create, text({ value: 'hunter2' }))).errors,
    (await server.ask(create, text({ name: 'x', value: 'hunter2', also: 1 }))).errors,
    (await server.ask(create, text('hunter2'))).errors,
    (await server.ask(create, { i: { secretType: 'hunter2' } })).errors,
    (await server.ask('{ secret(secretId: hunter2, secretType: hunter2) { id } }')).errors,
    (await server.ask('{ secret(secretId: 5, secretType: "hunter2") { id } }')).errors,
    (await server.ask('{ secretManagers(limit: "hunter2") { nodes { id } } }')).errors,
    (await server.ask('mutation { createSecret(input: {encryptedText: "hunter2"}) { secret { id } } }'))
      .errors,
    (await server.ask('{ secret "hunter2" }')).errors,
    (await server.ask('{ secret(secretId: "\\u12hunter2") }')).errors,
    (await server.ask('hunter2')).errors,
  ];
  for (const list of errors) assert.ok(list.length > 0);
  const messages = errors.flat().map(({ message }) => message);
  for (const message of messages) assert.doesNotMatch(message, /hunter2/);
  assert.deepEqual(messages.slice(0, 2), [
    'Variable "$i" got an invalid value at "i.encryptedText.value": String cannot represent a non string value.',
    'Variable "$i" got an invalid value at "i.encryptedText": Expected value of type "EncryptedTextInput" ' +
      'to include required field "name".',
  ]);
  assert.equal(server.log(), '');
});

test('a value of a scalar that does not fit is refused without being repeated', async () => {
  await using server = testGraphql();
  const { errors } = await server.ask(
    'mutation($i: CreateSecretManagerInput!) { createSecretManager(input: $i) { clientMutationId } }',
    {
      i: {
        secretManagerType: 'HASHICORP_VAULT',
        hashicorpVaultConfigInput: { secretEngineRenewalInterval: 'hunter2' },
      },
    },
  );
  const messages = errors.map(({ message }) => message).join('\n');
  assert.doesNotMatch(messages, /hunter2/);
});
