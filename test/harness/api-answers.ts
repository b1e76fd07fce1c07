import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { Failed } from '../../control-plane/api/answers.ts';
import { type Operation, operations } from '../../control-plane/api/operations.ts';

const ajv = new Ajv2020({ strict: true, allErrors: true });

export interface Answer {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly status: number;
  readonly body: string;
}

/** Fails when an answer is not what the API's description says of it. */
export function assertDescribed({ method, url, status, body }: Answer): void {
  const operation = operationOf(method, url);
  if (!operation) return;
  const isFailure = status >= 400 && operation.path !== '/readyz';
  const schema = isFailure ? Failed : operation.answer;
  const texts = operation.isStream && !isFailure ? body.split('\n').filter(line => line !== '') : [body];
  for (const text of texts) assertFits(schema, JSON.parse(text), `${method} ${url} ${status}`);
}

function assertFits(schema: TSchema, data: unknown, what: string): void {
  const validate = ajv.compile(schema);
  assert.ok(validate(data), `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(data)}`);
}

/** What stands in no pattern counts before what does. */
function operationOf(method: string, url: string): Operation | undefined {
  const [path = ''] = url.split('?', 1);
  const found = operations.filter(operation => {
    const pattern = operation.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+');
    return operation.method === method.toLowerCase() && new RegExp(`^${pattern}$`).test(path);
  });
  return found.find(operation => operation.path === path) ?? found[0];
}
