/**
 * The JSON Schemas of the YAML kinds, for editors: made from those that check documents. An editor sees YAML with its
 * types, where the control plane reads numbers as the text that was written.
 */
import { type Kind, kinds, SshAuthDocument } from './schemas.ts';

type Schema = Readonly<Record<string, unknown>>;

/** What only the readers of documents check. Paths are of properties. */
const narrower: Readonly<Record<string, Schema>> = {
  'template.type': { const: 'SecretManager' },
  'template.spec.shell': { const: 'Bash' },
  'template.spec.source.type': { const: 'Inline' },
  'template.spec.source.spec.script': {
    type: 'string',
    minLength: 1,
    description: describe('must be the text of a script; its value is the variable "secret"'),
  },
  'connector.type': { const: 'CustomSecretManager' },
  'secret.type': { enum: ['SecretText', 'SecretFile', 'SSHKey'] },
  'secret.spec.valueType': { enum: ['CustomSecretManagerValues', 'Inline'] },
};

const titles: Readonly<Record<Kind, string>> = {
  template: 'A secret manager template: a script and its inputs',
  connector: 'A connector (custom secret manager): where and with what a template is run',
  secret: 'A secret: what a connector has to be asked for, or a value of the built-in secret manager',
  application: 'An application and its environments, which usage scopes speak of',
};

/** By file name. */
export function publishedSchemas(): Record<string, Schema> {
  const properties: Record<string, Schema> = {};
  const files: Record<string, Schema> = {};
  for (const kind of kindNames) {
    const body = { ...publish(kinds[kind], kind), description: titles[kind] };
    properties[kind] = body;
    files[`${kind}.schema.json`] = root(titles[kind], { [kind]: body });
  }
  files['legate.schema.json'] = root('Any document of Legate', properties);
  return files;
}

const kindNames: readonly Kind[] = ['template', 'connector', 'secret', 'application'];

function root(title: string, properties: Schema): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    properties,
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
  };
}

/** A schema of ours as one for typed YAML. `path`: of the property that it is for. */
function publish(schema: unknown, path: string): Schema {
  const known = narrower[path];
  if (known) return known;
  if (path === 'secret.spec.auth') return publish(SshAuthDocument, 'auth');
  const { type, rule, pattern, minLength, maxLength, integer, items, properties, required } =
    fieldsOf(schema);
  const described = typeof rule === 'string' ? { description: describe(rule) } : {};
  if (Array.isArray(integer)) {
    const [minimum, maximum]: unknown[] = integer;
    return {
      anyOf: [
        { type: 'integer', minimum, maximum },
        { type: 'string', pattern },
      ],
      ...described,
    };
  }
  // It can't be null, whatever the types say.
  if (Array.isArray(type)) return { type: ['string', 'number', 'boolean'], ...described };
  switch (type) {
    case 'string':
      return {
        type: typesOf(typeof pattern === 'string' ? pattern : undefined, Number(minLength ?? 0)),
        ...(pattern === undefined ? {} : { pattern }),
        ...(minLength === undefined ? {} : { minLength }),
        ...(maxLength === undefined ? {} : { maxLength }),
        ...described,
      };
    case 'boolean':
      return { enum: [true, false, 'true', 'false'], ...described };
    case 'array':
      return { type: 'array', items: publish(items, `${path}[]`), ...described };
    case 'object':
      return {
        type: 'object',
        properties: Object.fromEntries(
          Object.entries(fieldsOf(properties)).map(([name, field]) => [
            name,
            publish(field, `${path}.${name}`),
          ]),
        ),
        ...(required === undefined ? {} : { required }),
        ...described,
      };
    default:
      return {};
  }
}

/** What a scalar may be in typed YAML, where its text is checked by a pattern. */
function typesOf(pattern = '', minLength: number): string[] {
  const rule = new RegExp(pattern);
  const types = ['string'];
  if (rule.test('1')) types.push('number');
  if (rule.test('true')) types.push('boolean');
  if (rule.test('') && minLength === 0) types.push('null');
  return types;
}

function describe(rule: string): string {
  return rule.charAt(0).toUpperCase() + rule.slice(1);
}

function fieldsOf(data: unknown): Schema {
  return typeof data === 'object' && data !== null ? Object.fromEntries(Object.entries(data)) : {};
}
