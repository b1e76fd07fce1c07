/** The three documents as users write them, for tests that need some: a store that is read over HTTP. */

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
