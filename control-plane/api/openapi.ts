/** The OpenAPI document of the native API, made from the schemas that check its requests. */
import type { TSchema } from 'typebox';
import { serverVersion } from '../version.ts';
import { Failed } from './answers.ts';
import { type Operation, operations } from './operations.ts';

type Json = Readonly<Record<string, unknown>>;

/** The document, as plain JSON. */
export function openApiDocument(): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method]: describe(operation) };
  }
  return plain({
    openapi: '3.1.1',
    info: {
      title: 'Legate',
      version: serverVersion,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'The native API of the control plane. A reference without prefix, or with `org.`, is read in the scope that ' +
        'orgIdentifier and projectIdentifier name. What a key may not see is answered like what is not there.',
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas: { Error: Failed },
      responses: {
        Error: {
          description: 'It was refused, or could not be done',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
        TooManyRequests: {
          description: 'The key, or the address where there is no valid one, makes too many requests',
          headers: limitHeaders,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  });
}

const header = (description: string): Json => ({ description, schema: { type: 'integer' } });
const limitHeaders = {
  'Retry-After': header('seconds until there may be another request'),
  'RateLimit-Limit': header('requests in a minute'),
  'RateLimit-Remaining': header('requests that may be made now'),
  'RateLimit-Reset': header('seconds until all of them may'),
};

function describe({ method, path, summary, query, body, answer, isStream, isOpen }: Operation): Json {
  const content = isStream ? 'application/x-ndjson' : 'application/json';
  return {
    operationId: idOf(method, path),
    summary,
    ...(isOpen ? { security: [] } : {}),
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: {
      200: {
        description: isStream ? 'Events, one per line; empty lines mean nothing' : 'Done',
        content: { [content]: { schema: answer } },
      },
      ...(path === '/readyz'
        ? { 503: { description: 'Not yet', content: { 'application/json': { schema: answer } } } }
        : {}),
      ...(isOpen ? {} : { 429: { $ref: '#/components/responses/TooManyRequests' } }),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

/** As in `getTemplatesByReferenceDiff`. */
function idOf(method: string, path: string): string {
  const words = path
    .replace('/api/v1/', '')
    .replaceAll(/:(\w+)/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/)
    .filter(word => word !== '');
  return method + words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: name === 'reference' ? 'a reference, its slashes as %2F' : 'the name of the key',
    schema: { type: 'string' },
  }));

function queryParameters(query: TSchema | undefined): Json[] {
  const { properties = {} }: { properties?: object } = query ?? {};
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
}

/** Schemas carry more than their JSON. */
function plain(data: Json): Json {
  return Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(data))));
}
