/** The three documents as users write them, for tests that need some: a store that is read over HTTP. */
import { orgOf, projectOf, type Scope } from '../../control-plane/domain/scope.ts';

export const templateYaml = `template:
  name: http kv store
  identifier: http_kv_store
  versionLabel: 1.0
  type: SecretManager
  description: ""
  tags: {}
  icon: data:image/png;base64,AAAA
  spec:
    shell: Bash
    onDelegate: true
    executionTarget: {}
    delegateSelectors: [ignored]
    source:
      type: Inline
      spec:
        script: |-
          body=$(curl -fsS "https://kv.example/<+secretManager.environmentVariables.mount>/<+spec.environmentVariables.path>")
          secret=$(jq -r '.data."<+secretManager.environmentVariables.key>"' <<<"$body")
    environmentVariables:
      - { name: mount, type: String, value: <+input> }
      - { name: path,  type: String, value: <+input> }
      - { name: key,   type: string, value: password }
    outputVariables: []
`;

export const connectorYaml = `connector:
  name: KV over HTTP
  identifier: kv_http
  description: ""
  tags: { team: payments }
  type: CustomSecretManager
  spec:
    delegateSelectors: [vault-net, " vault-net", eu]
    onDelegate: true
    timeout: 20
    template:
      templateRef: account.http_kv_store
      versionLabel: 1.0
      templateInputs:
        environmentVariables:
          - { name: mount, type: String, value: kv, useAsDefault: true }
          - { name: path,  type: String, value: demo/test }
`;

export const secretYaml = `secret:
  type: SecretText
  name: db password
  identifier: db_password
  description: ""
  tags: {}
  spec:
    secretManagerIdentifier: account.kv_http
    valueType: CustomSecretManagerValues
    value: '{"environmentVariables":[{"name":"path","value":"demo/db","type":"String"}]}'
    additionalMetadata: { values: { version: "1" } }
`;

/** A copy of a document with one value set, or with `undefined` removed, at a path such as `spec.timeout`. */
export function changed(document: unknown, path: string, value: unknown): unknown {
  const [key = '', ...rest] = path.split('.');
  if (Array.isArray(document)) {
    return document.map((item: unknown, index) =>
      String(index) !== key ? item : rest.length === 0 ? value : changed(item, rest.join('.'), value),
    );
  }
  const entries = typeof document === 'object' && document !== null ? Object.entries(document) : [];
  const fields = new Map<string, unknown>(entries);
  if (rest.length > 0) fields.set(key, changed(fields.get(key), rest.join('.'), value));
  else if (value === undefined) fields.delete(key);
  else fields.set(key, value);
  return Object.fromEntries(fields);
}

/** Documents that are made rather than written. JSON is YAML. */
export const yamlOf = (...documents: object[]) =>
  documents.map(document => JSON.stringify(document)).join('\n---\n');

/** A value as a template declares it, or as a connector or a secret gives it. */
export interface Variable {
  readonly name: string;
  readonly value: unknown;
  readonly type?: string;
  readonly useAsDefault?: boolean;
}

export const variable = (name: string, value: unknown, more: Partial<Variable> = {}): Variable => ({
  name,
  value,
  type: 'String',
  ...more,
});

interface Placed {
  readonly identifier?: string;
  readonly scope?: Scope;
}

const placed = (identifier: string, scope: Scope = 'account') => ({
  identifier,
  name: identifier,
  orgIdentifier: orgOf(scope),
  projectIdentifier: projectOf(scope),
});

/** A template `tpl@1` with these inputs; its script names each of them, unless it is given. */
export function aTemplate({
  identifier = 'tpl',
  scope,
  versionLabel = '1',
  inputs = [],
  script = `secret="${inputs.map(({ name }) => `<+spec.environmentVariables.${name}>`).join('/')}"`,
  ...spec
}: Placed & {
  readonly versionLabel?: string;
  readonly inputs?: readonly Variable[];
  readonly script?: string;
  readonly [field: string]: unknown;
} = {}): object {
  return {
    template: {
      ...placed(identifier, scope),
      versionLabel,
      type: 'SecretManager',
      spec: {
        shell: 'Bash',
        source: { type: 'Inline', spec: { script } },
        environmentVariables: inputs,
        ...spec,
      },
    },
  };
}

/** A connector `conn` of `account.tpl@1`. */
export function aConnector({
  identifier = 'conn',
  scope,
  templateRef = 'account.tpl',
  versionLabel = '1',
  inputs = [],
  ...spec
}: Placed & {
  readonly templateRef?: string;
  readonly versionLabel?: string;
  readonly inputs?: readonly Variable[];
  readonly [field: string]: unknown;
} = {}): object {
  return {
    connector: {
      ...placed(identifier, scope),
      type: 'CustomSecretManager',
      spec: {
        template: { templateRef, versionLabel, templateInputs: { environmentVariables: inputs } },
        ...spec,
      },
    },
  };
}

/** A secret `s` of `account.conn`. */
export function aSecret({
  identifier = 's',
  scope,
  type = 'SecretText',
  manager = 'account.conn',
  inputs,
  ...spec
}: Placed & {
  readonly type?: string;
  readonly manager?: string;
  readonly inputs?: readonly Variable[];
  readonly [field: string]: unknown;
} = {}): object {
  const value = inputs ? JSON.stringify({ environmentVariables: inputs }) : '';
  return {
    secret: {
      ...placed(identifier, scope),
      type,
      spec: { secretManagerIdentifier: manager, valueType: 'CustomSecretManagerValues', value, ...spec },
    },
  };
}

/** A text in the built-in manager. */
export function aText(identifier: string, value: string, scope?: Scope): object {
  return {
    secret: { ...placed(identifier, scope), type: 'SecretText', spec: { valueType: 'Inline', value } },
  };
}
