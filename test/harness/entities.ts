/** Entities as the store has them, for tests that need some: a template, a connector of it, a secret of that. */
import { contentDigest } from '../../control-plane/domain/content-digest.ts';
import type { TemplateContent, TemplateVersion } from '../../control-plane/domain/entities.ts';
import type { ConnectorRow } from '../../control-plane/store/connectors.ts';
import type { SecretRow } from '../../control-plane/store/secrets.ts';

export const someContent: TemplateContent = {
  syntax: 'NG',
  script: "secret='é\n$x'",
  inputs: [
    {
      list: 'environmentVariables',
      name: 'path',
      type: 'String',
      value: {
        kind: 'runtime',
        source: '<+input>.allowedValues(a,b)',
        defaultText: undefined,
        validator: { kind: 'allowedValues', allowed: ['a', 'b'] },
      },
    },
    { list: 'inputVariables', name: 'url', type: 'Number', value: { kind: 'fixed', text: '' } },
  ],
  program: {
    text: 'secret="${__legate_1}"',
    digest: `sha256:${'0'.repeat(64)}`,
    slots: [{ kind: 'input', list: 'environmentVariables', name: 'path' }],
  },
  spec: { source: { spec: { script: "secret='é\n$x'" } } },
};

export const someTemplate: TemplateVersion = {
  scope: 'account',
  identifier: 'kv',
  versionLabel: '1.0',
  name: 'key value',
  content: someContent,
  document: { identifier: 'kv', made_up: [null, { a: 'b' }] },
};

export const someConnector: ConnectorRow = {
  scope: 'account',
  identifier: 'kv_http',
  uuid: 'connector-uuid',
  generation: 'NG',
  name: 'KV',
  template: { scope: 'account', identifier: 'kv', versionLabel: '1.0' },
  contentDigest: contentDigest(someContent),
  document: { identifier: 'kv_http', a: 'b' },
};

export const someSecret: SecretRow = {
  scope: 'account',
  identifier: 'db',
  uuid: 'secret-uuid',
  generation: 'NG',
  type: 'SecretText',
  name: 'db',
  connector: { scope: 'account', identifier: 'kv_http' },
  document: { identifier: 'db', spec: { value: '' } },
};
