// Writes what is published of the schemas: schemas/*.schema.json for editors, and docs/openapi.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../control-plane/api/openapi.ts';
import { publishedSchemas } from '../control-plane/documents/published-schemas.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const write = (path: string, data: object) => {
  writeFileSync(`${root}/${path}`, `${JSON.stringify(data, null, 2)}\n`);
  process.stdout.write(`wrote ${path}\n`);
};

mkdirSync(`${root}/schemas`, { recursive: true });
for (const [name, schema] of Object.entries(publishedSchemas())) write(`schemas/${name}`, schema);
write('docs/openapi.json', openApiDocument());
