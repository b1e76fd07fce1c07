/**
 * The shape of the YAML kinds. `rule` says in a message what the schema demands, `integer` the least and the greatest
 * of a text that is a number to everybody else. Fields that are not named here are kept and given back, never refused:
 * users' YAML holds many. The published JSON Schemas are made from these.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { identifierPattern } from '../domain/reference.ts';

const open = <T extends Record<string, TSchema>>(fields: T) => Type.Object(fields);
const ruled = (pattern: string, rule: string, more: object = {}) => Type.String({ pattern, rule, ...more });
const bool = Type.Boolean({ rule: 'must be true or false' });
const text = Type.String({ rule: 'must be text' });
// `coerceTypes` would make the empty text of a null, which is a value; whoever wrote null has given none.
const textNotNull = Type.Unsafe<string>({
  type: ['string', 'null'],
  not: { const: null },
  rule: 'must be text; write "" for an empty one',
});
/** Empty where tools write a null for "none". */
const maybe = Type.Optional(text);
// As text: numbers arrive as text anyway, and coercion would make 1 second of a true.
const Timeout = ruled(
  '^(?:[1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)$',
  'must be an integer from 1 to 3600',
  { integer: [1, 3_600] },
);
const Port = ruled(
  '^(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
  'must be an integer from 1 to 65535',
  { integer: [1, 65_535] },
);
const CacheTtl = ruled(
  '^(?:0|[1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)$',
  'must be an integer from 0 to 86400',
  { integer: [0, 86_400] },
);
const list = <T extends TSchema>(item: T) => Type.Array(item, { rule: 'must be a list' });

const Identifier = ruled(
  identifierPattern,
  'must be 1 to 128 letters, digits, "_" or "$", and begin with a letter or "_"',
);
const TemplateIdentifier = ruled(
  '^[a-zA-Z_][0-9a-zA-Z_]{0,127}$',
  'must be 1 to 128 letters, digits or "_", and begin with a letter or "_"',
);
const Name = ruled(
  '^[a-zA-Z_0-9.-][-0-9a-zA-Z_\\s.]{0,127}$',
  'must be 1 to 128 letters, digits, blanks, "_", "." or "-"',
);
const versionLabel = (most: number) =>
  ruled(
    `^[0-9a-zA-Z][^\\s/&]{0,${most - 1}}$`,
    `must be 1 to ${most} characters without blanks, "/" or "&", and begin with a letter or digit`,
  );
const VariableName = ruled(
  '^[a-zA-Z_][0-9a-zA-Z_.$-]{0,127}$',
  'must be 1 to 128 letters, digits, "_", ".", "$" or "-", and begin with a letter or "_"',
);
const Reference = Type.String({ rule: 'must be a reference, as in account.some_id' });
const VariableType = Type.String({
  pattern: '^([sS][tT][rR][iI][nN][gG]|[nN][uU][mM][bB][eE][rR]|[sS][eE][cC][rR][eE][tT])$',
  rule: 'must be String, Number or Secret',
});

/** Fields that every kind has. */
const common = {
  name: Name,
  orgIdentifier: maybe,
  projectIdentifier: maybe,
  description: Type.Optional(Type.Unknown()),
  tags: Type.Optional(Type.Unknown()),
};

const Variable = open({ name: VariableName, type: VariableType, value: textNotNull });

export const TemplateDocument = open({
  ...common,
  identifier: TemplateIdentifier,
  versionLabel: versionLabel(128),
  type: text,
  spec: open({
    shell: text,
    /** Ours: how the script writes expressions. */
    expressionSyntax: Type.Optional(ruled('^(NG|FirstGen)$', 'must be NG or FirstGen')),
    onDelegate: Type.Optional(bool),
    source: open({
      type: Type.Optional(text),
      spec: open({ script: Type.String({ minLength: 1, rule: 'must be the text of a script' }) }),
    }),
    environmentVariables: Type.Optional(list(Variable)),
    inputVariables: Type.Optional(list(Variable)),
  }),
});
export type TemplateDocument = Static<typeof TemplateDocument>;

const ConnectorInput = open({
  name: VariableName,
  type: VariableType,
  value: textNotNull,
  useAsDefault: Type.Optional(bool),
});

/** Who may use an entity: the shape of FirstGen's API. */
export const UsageScopeDocument = open({
  appEnvScopes: Type.Optional(
    list(
      open({
        application: Type.Optional(Type.Unknown()),
        environment: Type.Optional(Type.Unknown()),
      }),
    ),
  ),
});

const HostKey = ruled(
  '^SHA256:[A-Za-z0-9+/]{43}=?$',
  'must be the fingerprint of a host key, as in SHA256:…',
);

/** Ours: what only the delegate holds, by its name there. */
const DelegateCredential = open({
  name: ruled('^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$', 'must be 1 to 128 letters, digits, ".", "_" or "-"'),
  userName: ruled('^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,254}$', 'must be a user name'),
  port: Type.Optional(Port),
});

/** Ours, beside a host's `connectorRef`. */
const hostFields = {
  host: maybe,
  connectorRef: maybe,
  delegateCredential: Type.Optional(DelegateCredential),
  hostKeys: Type.Optional(list(HostKey)),
};

export const ConnectorDocument = open({
  ...common,
  identifier: Identifier,
  type: text,
  spec: open({
    template: open({
      templateRef: Reference,
      versionLabel: versionLabel(64),
      templateInputs: Type.Optional(
        open({
          environmentVariables: Type.Optional(list(ConnectorInput)),
          inputVariables: Type.Optional(list(ConnectorInput)),
        }),
      ),
    }),
    delegateSelectors: Type.Optional(
      list(ruled('\\S', 'must be text: a selector that is empty would not mean "any delegate"')),
    ),
    /** Ours. Each of `delegateSelectors` is an expression over tags. */
    selectorSyntax: Type.Optional(ruled('^expression$', 'must be expression, or left out')),
    onDelegate: Type.Optional(bool),
    ...hostFields,
    /** Ours: hosts on the way to `host`, the first one first. */
    jumpHosts: Type.Optional(list(open(hostFields))),
    /** Ours: accept algorithms that are not considered safe any more. */
    legacyAlgorithms: Type.Optional(bool),
    workingDirectory: Type.Optional(
      ruled('^([^\\0]{0,4096})?$', 'must be an absolute path of at most 4096 characters'),
    ),
    timeout: Type.Optional(Timeout),
    default: Type.Optional(bool),
    ignoreTestConnection: Type.Optional(bool),
    /** Ours: the script may use secrets of other custom secret managers. */
    allowSecretsOfOtherManagers: Type.Optional(bool),
    /** Ours: how long a delegate may give a value again, in seconds from the fetch. */
    cacheTtlSeconds: Type.Optional(CacheTtl),
    /** Ours: which applications and environments may use it, as in FirstGen. */
    usageScope: Type.Optional(UsageScopeDocument),
  }),
});
export type ConnectorDocument = Static<typeof ConnectorDocument>;

export const SecretDocument = open({
  ...common,
  identifier: Identifier,
  type: text,
  spec: open({
    secretManagerIdentifier: maybe,
    valueType: maybe,
    value: maybe,
    /** SecretFile, ours: a file beside the YAML, or its text. */
    file: maybe,
    content: maybe,
    /** Custom managers, ours: the key, or JSON Pointer, of the script's JSON object that holds the value. */
    key: Type.Optional(ruled('^[^\\0]{1,256}$', 'must be 1 to 256 characters')),
    port: Type.Optional(Port),
    auth: Type.Optional(Type.Unknown()),
    /** Ours, as for connectors. */
    usageScope: Type.Optional(UsageScopeDocument),
  }),
});
export type SecretDocument = Static<typeof SecretDocument>;

/** What stands below `spec.auth` of an SSHKey. */
export const SshAuthDocument = open({
  type: ruled('^(SSH|Kerberos)$', 'must be SSH or Kerberos'),
  spec: Type.Optional(
    open({
      credentialType: Type.Optional(
        ruled('^(KeyReference|KeyPath|Password)$', 'must be KeyReference, KeyPath or Password'),
      ),
      spec: Type.Optional(
        open({
          userName: maybe,
          key: maybe,
          keyPath: maybe,
          password: maybe,
          encryptedPassphrase: maybe,
          /** Ours: an OpenSSH user certificate for the key, a file or text secret. */
          certificate: maybe,
        }),
      ),
      principal: maybe,
      realm: maybe,
      tgtGenerationMethod: maybe,
    }),
  ),
});
export type SshAuthDocument = Static<typeof SshAuthDocument>;

/** What the JSON text in a secret's `value` holds. */
const SecretValueList = Type.Optional(
  list(
    open({
      name: Type.Unknown(),
      value: Type.Optional(Type.Unknown()),
      type: Type.Optional(Type.Unknown()),
    }),
  ),
);
export const SecretValue = open({
  environmentVariables: SecretValueList,
  inputVariables: SecretValueList,
});
export type SecretValue = Static<typeof SecretValue>;

/** Ours: an application and its environments, which usage scopes speak of. Of the account. */
export const ApplicationDocument = open({
  identifier: ruled('^[^\\s/]{1,128}$', 'must be 1 to 128 characters without blanks and "/"'),
  name: Type.String({ minLength: 1, maxLength: 256, rule: 'must be 1 to 256 characters' }),
  environments: Type.Optional(
    list(
      open({
        identifier: ruled('^[^\\s/]{1,128}$', 'must be 1 to 128 characters without blanks and "/"'),
        name: Type.String({ minLength: 1, maxLength: 256, rule: 'must be 1 to 256 characters' }),
        type: ruled('^(Production|PreProduction)$', 'must be Production or PreProduction'),
      }),
    ),
  ),
});
export type ApplicationDocument = Static<typeof ApplicationDocument>;

export const kinds = {
  template: TemplateDocument,
  connector: ConnectorDocument,
  secret: SecretDocument,
  application: ApplicationDocument,
};
export type Kind = keyof typeof kinds;
