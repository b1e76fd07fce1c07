/** The contract's rules for fields (§2.1, §3.1, §4, §5) and our own texts (§12.3), through `apply`. */

import { manager, type Row, rows } from '../../test/harness/contract-rows.ts';
import { aConnector, aSecret, aTemplate, changed, variable } from '../../test/harness/documents.ts';

const template = aTemplate({ inputs: [variable('a', '<+input>')] });
const connector = aConnector();

/** A document with one field changed, and the text after its prefix. */
const invalid = (document: object, path: string, value: unknown, message: string): Row => ({
  asked: Object(changed(document, path, value)),
  message: `Invalid request: ${message}`,
});
const a = 'template.spec.environmentVariables.0';
const input = (more: object) => [{ name: 'a', type: 'String', value: 'x', ...more }];

const identifierRule = 'must be 1 to 128 letters, digits or "_", and begin with a letter or "_"';
const nameRule = 'must be 1 to 128 letters, digits, blanks, "_", "." or "-"';
const label = (most: number) =>
  `must be 1 to ${most} characters without blanks, "/" or "&", and begin with a letter or digit`;
const variableRule =
  'template.spec.environmentVariables[0].name must be 1 to 128 letters, digits, "_", ".", "$" or "-", and begin with a letter or "_"';

rows('§2.1', {
  'no identifier': invalid(template, 'template.identifier', undefined, 'template.identifier is required'),
  'an identifier that is none': invalid(
    template,
    'template.identifier',
    'a$b',
    `template.identifier ${identifierRule}`,
  ),
  'an identifier of 129 characters': invalid(
    template,
    'template.identifier',
    'a'.repeat(129),
    `template.identifier ${identifierRule}`,
  ),
  'no name': invalid(template, 'template.name', undefined, 'template.name is required'),
  'a name that is none': invalid(template, 'template.name', 'a;b', `template.name ${nameRule}`),
  'no label': invalid(template, 'template.versionLabel', undefined, 'template.versionLabel is required'),
  'a label with a blank': invalid(
    template,
    'template.versionLabel',
    'v 1',
    `template.versionLabel ${label(128)}`,
  ),
  'a label of 129 characters': invalid(
    template,
    'template.versionLabel',
    'a'.repeat(129),
    `template.versionLabel ${label(128)}`,
  ),
  'no type': invalid(template, 'template.type', undefined, 'template.type is required'),
  ...Object.fromEntries(
    ['Step', 'Stage', 'Pipeline', 'CustomDeployment', 'MonitoredService', 'ArtifactSource', 'StepGroup'].map(
      type => [
        `a template of type ${type}`,
        invalid(
          template,
          'template.type',
          type,
          `template.type must be SecretManager; templates of type ${type} are not for secrets`,
        ),
      ],
    ),
  ),
  'no shell': invalid(template, 'template.spec.shell', undefined, 'template.spec.shell is required'),
  'another shell': invalid(template, 'template.spec.shell', 'PowerShell', 'template.spec.shell must be Bash'),
  'no source': invalid(template, 'template.spec.source', undefined, 'template.spec.source is required'),
  'another source': invalid(
    template,
    'template.spec.source.type',
    'Remote',
    'template.spec.source.type must be Inline',
  ),
  'no script': invalid(
    template,
    'template.spec.source.spec.script',
    undefined,
    'template.spec.source.spec.script is required',
  ),
  'an empty script': invalid(
    template,
    'template.spec.source.spec.script',
    '',
    'template.spec.source.spec.script must be the text of a script',
  ),
  'a variable without a name': invalid(template, `${a}.name`, '', variableRule),
  'a variable with blanks around its name': invalid(template, `${a}.name`, ' a', variableRule),
  'a variable of another type': invalid(
    template,
    `${a}.type`,
    'File',
    'template.spec.environmentVariables[0].type must be String, Number or Secret',
  ),
  'a variable without a value': invalid(
    template,
    `${a}.value`,
    undefined,
    'template.spec.environmentVariables[0].value is required',
  ),
  'a variable with a null': invalid(
    template,
    `${a}.value`,
    null,
    'template.spec.environmentVariables[0].value must be text; write "" for an empty one',
  ),
  'a fixed number that is none': invalid(
    template,
    a,
    { name: 'a', type: 'number', value: 'ten' },
    'template.spec: input "a", value from the template: it must be a number',
  ),
  'a field that the script names and that is not there': {
    asked: aTemplate({ script: 'secret="<+spec.source.spec.type>"' }),
    message:
      'Invalid request: template.spec.source.spec.script: <+spec.source.spec.type> names no field of the ' +
      "template's spec that holds a text, number or boolean",
  },
  'a field that the script names and that is no scalar': {
    asked: aTemplate({ script: 'secret="<+spec.source>"' }),
    message:
      'Invalid request: template.spec.source.spec.script: <+spec.source> names no field of the ' +
      "template's spec that holds a text, number or boolean",
  },
  'a field that an input names and that is not there': {
    asked: aTemplate({ inputs: [variable('a', '<+input>.default(<+spec.nothing>)')] }),
    message:
      'Invalid request: template.spec: input "a": <+spec.nothing> names no field of the template\'s spec ' +
      'that holds a text, number or boolean',
  },
  'an input that nobody declares': {
    asked: aTemplate({ script: 'x=1\nsecret="<+spec.environmentVariables.b>"' }),
    message: 'Invalid request: script line 2, column 9: unknown input "b"; the template declares no inputs',
  },
});

const notOne = (missing: string) =>
  'connector.spec: onDelegate is false, so host, connectorRef and workingDirectory are required ' +
  `(missing: ${missing})`;
const inputs = 'connector.spec.template.templateInputs.environmentVariables';

rows('§3.1', {
  'no identifier': invalid(connector, 'connector.identifier', undefined, 'connector.identifier is required'),
  'an identifier that is none': invalid(
    connector,
    'connector.identifier',
    '$a',
    'connector.identifier must be 1 to 128 letters, digits, "_" or "$", and begin with a letter or "_"',
  ),
  'no name': invalid(connector, 'connector.name', undefined, 'connector.name is required'),
  'a name that is none': invalid(connector, 'connector.name', ' a', `connector.name ${nameRule}`),
  'another type': invalid(
    connector,
    'connector.type',
    'Vault',
    'connector.type must be CustomSecretManager; connectors of type Vault are not supported',
  ),
  'no template': invalid(
    connector,
    'connector.spec.template',
    undefined,
    'connector.spec.template is required',
  ),
  'no reference to a template': invalid(
    connector,
    'connector.spec.template.templateRef',
    undefined,
    'connector.spec.template.templateRef is required',
  ),
  'no label': invalid(
    connector,
    'connector.spec.template.versionLabel',
    undefined,
    'connector.spec.template.versionLabel is required',
  ),
  'a label of 65 characters': invalid(
    connector,
    'connector.spec.template.versionLabel',
    'a'.repeat(65),
    `connector.spec.template.versionLabel ${label(64)}`,
  ),
  'an input without a name': invalid(
    connector,
    inputs,
    input({ name: '' }),
    `${inputs}[0].name must be 1 to 128 letters, digits, "_", ".", "$" or "-", and begin with a letter or "_"`,
  ),
  'an input without a type': invalid(
    connector,
    inputs,
    input({ type: undefined }),
    `${inputs}[0].type is required`,
  ),
  'an input with a null': invalid(
    connector,
    inputs,
    input({ value: null }),
    `${inputs}[0].value must be text; write "" for an empty one`,
  ),
  'useAsDefault that is neither true nor false': invalid(
    connector,
    inputs,
    input({ useAsDefault: 'maybe' }),
    `${inputs}[0].useAsDefault must be true or false`,
  ),
  'an input that stands twice': invalid(
    connector,
    inputs,
    [...input({}), ...input({})],
    `${inputs}[1].name: duplicate "a"`,
  ),
  'no selector in a selector': invalid(
    connector,
    'connector.spec.delegateSelectors',
    [''],
    'connector.spec.delegateSelectors[0] must be text: a selector that is empty would not mean "any delegate"',
  ),
  'a secret in a selector': invalid(
    connector,
    'connector.spec.delegateSelectors',
    ['<+secrets.getValue("account.x")>'],
    "connector.spec.delegateSelectors[0] must not hold a secret's value",
  ),
  'a secret in the working directory': invalid(
    connector,
    'connector.spec.workingDirectory',
    '/<+secrets.getValue("account.x")>',
    "connector.spec.workingDirectory must not hold a secret's value",
  ),
  'a default manager': invalid(
    connector,
    'connector.spec.default',
    true,
    'Custom secret manager cannot be set as default secret manager',
  ),
  'onDelegate false, and nothing else, as the Terraform resource sends it': invalid(
    connector,
    'connector.spec.onDelegate',
    false,
    notOne('host, connectorRef, workingDirectory'),
  ),
  'onDelegate false without a working directory': {
    asked: aConnector({ onDelegate: false, host: 'h', connectorRef: 'account.k' }),
    message: `Invalid request: ${notOne('workingDirectory')}`,
  },
  'a host, and no onDelegate': {
    asked: aConnector({ host: 'h', workingDirectory: '/tmp' }),
    message:
      'Invalid request: connector.spec: it runs on a target host, so host, connectorRef and ' +
      'workingDirectory are required (missing: connectorRef)',
  },
  'a template that is not there': {
    asked: connector,
    message: 'Invalid request: connector.spec.template: there is no template account.tpl@1; apply it first',
  },
  'a version that is not there': {
    there: [aTemplate({ versionLabel: '2' })],
    asked: connector,
    message: 'Invalid request: connector.spec.template: there is no template account.tpl@1; apply it first',
  },
  'a credential that is not there': {
    there: [aTemplate()],
    asked: aConnector({
      onDelegate: false,
      host: 'h',
      connectorRef: 'account.k',
      workingDirectory: '/tmp',
    }),
    message:
      'Invalid request: connector.spec.connectorRef: there is no SSHKey secret account.k; apply it first',
  },
  'a value for what the template has fixed': {
    there: [aTemplate({ inputs: [variable('url', 'https://store.test')] })],
    asked: aConnector({ inputs: [variable('url', 'https://evil.test', { useAsDefault: true })] }),
    message:
      'Invalid request: connector.spec.template.templateInputs: "url" is fixed by the template and cannot be set',
  },
  'a field that an input names and that is not there': {
    there: [template],
    asked: aConnector({ inputs: [variable('a', '<+spec.nothing>')] }),
    message:
      'Invalid request: connector.spec.template.templateInputs: input "a": <+spec.nothing> names no field of ' +
      "the template's spec that holds a text, number or boolean",
  },
  'a field that a selector names and that is not there': {
    there: [template],
    asked: aConnector({ delegateSelectors: ['<+spec.nothing>'] }),
    message:
      'Invalid request: connector.spec.delegateSelectors: <+spec.nothing> names no field of the ' +
      "template's spec that holds a text, number or boolean",
  },
  ...Object.fromEntries(
    [0, 3_601, -1, 1.5, 'x', '', true].map(timeout => [
      `a timeout of ${JSON.stringify(timeout)}`,
      invalid(
        connector,
        'connector.spec.timeout',
        timeout,
        'connector.spec.timeout must be an integer from 1 to 3600',
      ),
    ]),
  ),
});

const duplicate = [variable('path', ''), variable('b', ''), variable('path', '')];
rows('§12.3', {
  'a variable that stands twice': {
    asked: aTemplate({ inputs: duplicate, script: 'secret=x' }),
    message: 'Invalid request: template.spec.environmentVariables[2].name: duplicate "path"',
  },
});

const key = { userName: 'deploy', key: 'account.pem' };
const ssh = (credentialType: string | undefined, spec: object, type = 'SSH') => ({
  secret: {
    identifier: 'jump',
    name: 'jump',
    type: 'SSHKey',
    spec: { port: 22, auth: { type, spec: { credentialType, spec } } },
  },
});
const at = 'secret.spec.auth.spec';

rows('§4 and §5', {
  'a secret of another type': invalid(
    aSecret(),
    'secret.type',
    'WinRmCredentials',
    'secret.type must be SecretText, SecretFile or SSHKey; secrets of type WinRmCredentials are not supported',
  ),
  'no type of the value': {
    there: manager,
    asked: Object(changed(aSecret(), 'secret.spec.valueType', undefined)),
    message: 'Invalid request: secret.spec.valueType must be CustomSecretManagerValues',
  },
  'another type of the value': {
    there: manager,
    asked: aSecret({ valueType: 'Other' }),
    message: 'Invalid request: secret.spec.valueType must be CustomSecretManagerValues',
  },
  ...Object.fromEntries(
    Array.from('~!@#$%^&*\'"?/<>,;').map(character => [
      `a name with ${character}`,
      invalid(aSecret(), 'secret.name', `a${character}`, `secret.name ${nameRule}`),
    ]),
  ),
  'a reference for the built-in manager': {
    asked: aSecret({ manager: 'account.harnessSecretManager', valueType: 'Reference', value: 'x' }),
    message: 'Invalid request: secret.spec.valueType must be Inline in the built-in secret manager',
  },
  'a new text without a value': {
    asked: Object(changed(aSecret({ manager: '', valueType: 'Inline' }), 'secret.spec.value', undefined)),
    message: 'Invalid request: secret.spec.value is required',
  },
  'a text with an empty value': {
    asked: aSecret({ manager: '', valueType: 'Inline', value: '' }),
    message: 'Invalid request: secret.spec.value must not be empty',
  },
  'a new file without a content': {
    asked: aSecret({ type: 'SecretFile', manager: '', valueType: undefined }),
    message: 'Invalid request: secret.spec.file or content is required',
  },
  'a file that was not sent along': {
    asked: aSecret({ type: 'SecretFile', manager: '', valueType: undefined, file: 'key.pem' }),
    message:
      'Invalid request: secret.spec.file: the file was not sent along; apply it from where the file is, or use content',
  },
  'a file and a content': {
    asked: aSecret({ type: 'SecretFile', manager: '', valueType: undefined, file: 'a', content: 'b' }),
    message: 'Invalid request: secret.spec: file and content exclude each other; give one of them',
  },
  'no auth': {
    asked: { secret: { identifier: 'jump', name: 'jump', type: 'SSHKey', spec: {} } },
    message: 'Invalid request: secret.spec.auth is required',
  },
  'another auth': {
    asked: ssh('KeyReference', key, 'Password'),
    message: 'Invalid request: secret.spec.auth.type must be SSH or Kerberos',
  },
  'no type of credential': {
    asked: ssh(undefined, key),
    message: `Invalid request: ${at}.credentialType is required: KeyReference, KeyPath or Password`,
  },
  'another type of credential': {
    asked: ssh('Agent', key),
    message: `Invalid request: ${at}.credentialType must be KeyReference, KeyPath or Password`,
  },
  'no user': {
    asked: ssh('KeyReference', { key: 'account.pem' }),
    message: `Invalid request: ${at}.spec.userName is required`,
  },
  'no key': {
    asked: ssh('KeyReference', { userName: 'deploy' }),
    message: `Invalid request: ${at}.spec.key is required`,
  },
  'no path of a key': {
    asked: ssh('KeyPath', { userName: 'deploy' }),
    message: `Invalid request: ${at}.spec.keyPath is required`,
  },
  'no password': {
    asked: ssh('Password', { userName: 'deploy' }),
    message: `Invalid request: ${at}.spec.password is required`,
  },
  'a port that is none': {
    asked: Object(changed(ssh('KeyReference', key), 'secret.spec.port', 0)),
    message: 'Invalid request: secret.spec.port must be an integer from 1 to 65535',
  },
});
