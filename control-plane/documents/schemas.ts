/**
 * The shape of the three YAML kinds. `rule` says in a message what the schema demands. Fields that are not
 * named here are kept and given back, never refused: users' YAML holds many.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { identifierPattern } from '../domain/reference.ts';

const open = <T extends Record<string, TSchema>>(fields: T) => Type.Object(fields);
const ruled = (pattern: string, rule: string) => Type.String({ pattern, rule });
const bool = Type.Boolean({ rule: 'must be true or false' });
const text = Type.String({ rule: 'must be text' });
// `coerceTypes` would make the empty text of a null, which is a value; whoever wrote null has given none.
const textNotNull = Type.Unsafe<string>({
  type: ['string', 'null'],
  not: { const: null },
  rule: 'must be text; write "" for an empty one',
});
// As text: numbers arrive as text anyway, and coercion would make 1 second of a true.
const Timeout = ruled(
  '^(?:[1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)$',
  'must be an integer from 1 to 3600',
);
const list = <T extends TSchema>(item: T) => Type.Array(item, { rule: 'must be a list' });

const Identifier = ruled(
  identifierPattern,
  'must be 1 to 128 letters, digits, "_" or "$", and begin with a letter or "_"',
);
const Name = ruled(
  '^[a-zA-Z_0-9.-][-0-9a-zA-Z_\\s.]{0,127}$',
  'must be 1 to 128 letters, digits, blanks, "_", "." or "-"',
);
const VersionLabel = ruled(
  '^[0-9a-zA-Z][^\\s/&]{0,63}$',
  'must be 1 to 64 characters without blanks, "/" or "&", and begin with a letter or digit',
);
const VariableName = ruled(
  '^[a-zA-Z_][0-9a-zA-Z_.$-]{0,127}$',
  'must be 1 to 128 letters, digits, "_", ".", "$" or "-", and begin with a letter or "_"',
);
const Reference = Type.String({ minLength: 1, rule: 'must be a reference, as in account.some_id' });

/** Fields that every kind has, and that are not ours to interpret yet. */
const common = {
  identifier: Identifier,
  orgIdentifier: Type.Optional(text),
  projectIdentifier: Type.Optional(text),
};

const Variable = open({ name: VariableName, type: text, value: textNotNull });

export const TemplateDocument = open({
  ...common,
  name: Name,
  versionLabel: VersionLabel,
  type: text,
  spec: open({
    shell: text,
    source: open({
      type: Type.Optional(text),
      spec: open({ script: Type.String({ minLength: 1, rule: 'must be the text of a script' }) }),
    }),
    environmentVariables: Type.Optional(list(Variable)),
    inputVariables: Type.Optional(list(Type.Unknown())),
  }),
});
export type TemplateDocument = Static<typeof TemplateDocument>;

const ConnectorInput = open({
  name: VariableName,
  type: text,
  value: textNotNull,
  useAsDefault: Type.Optional(bool),
});

export const ConnectorDocument = open({
  ...common,
  name: Name,
  type: text,
  spec: open({
    template: open({
      templateRef: Reference,
      versionLabel: VersionLabel,
      templateInputs: Type.Optional(
        open({
          environmentVariables: Type.Optional(list(ConnectorInput)),
          inputVariables: Type.Optional(list(Type.Unknown())),
        }),
      ),
    }),
    delegateSelectors: Type.Optional(
      list(ruled('\\S', 'must be text: a selector that is empty would not mean "any delegate"')),
    ),
    onDelegate: Type.Optional(bool),
    host: Type.Optional(text),
    connectorRef: Type.Optional(text),
    workingDirectory: Type.Optional(
      ruled('^(/[^\\0]{0,4095})?$', 'must be an absolute path of at most 4096 characters'),
    ),
    timeout: Type.Optional(Timeout),
    default: Type.Optional(bool),
    ignoreTestConnection: Type.Optional(bool),
  }),
});
export type ConnectorDocument = Static<typeof ConnectorDocument>;

export const SecretDocument = open({
  ...common,
  name: Name,
  type: text,
  spec: open({
    secretManagerIdentifier: Type.Optional(text),
    valueType: Type.Optional(text),
    value: Type.Optional(text),
  }),
});
export type SecretDocument = Static<typeof SecretDocument>;

/** What the JSON text in a secret's `value` holds. */
export const SecretValue = open({
  environmentVariables: Type.Optional(
    list(
      open({
        name: Type.Unknown(),
        value: Type.Optional(Type.Unknown()),
        type: Type.Optional(Type.Unknown()),
      }),
    ),
  ),
  inputVariables: Type.Optional(list(Type.Unknown())),
});
export type SecretValue = Static<typeof SecretValue>;

export const kinds = { template: TemplateDocument, connector: ConnectorDocument, secret: SecretDocument };
export type Kind = keyof typeof kinds;
