/** FirstGen's operations over a real store; the test plays the delegates. */
import assert from 'node:assert/strict';
import { Roster } from '../../control-plane/dispatch/roster.ts';
import { RequestError } from '../../control-plane/domain/errors.ts';
import type { Caller } from '../../control-plane/domain/permissions.ts';
import type { CustomSecretManagerInput, EncryptedTextInput } from '../../control-plane/first-gen/model.ts';
import type { FirstGenOperations } from '../../control-plane/first-gen/operations.ts';
import { firstGenOperations } from '../../control-plane/first-gen/operations.ts';
import { recordsAfter } from '../../control-plane/store/audit.ts';
import { findTemplate, saveTemplate } from '../../control-plane/store/templates.ts';
import { someTime, type TestDatabase } from './database.ts';
import { delivering, type Play, someCaller, type Tools, toolsFor } from './tools.ts';

export const viewer = someCaller({ role: 'viewer', scope: 'account' });
/** Sees nothing. */
export const stranger = someCaller({ role: 'admin', scope: 'org/other' });
export const signal: AbortSignal = new AbortController().signal;

export interface World {
  readonly tools: Tools;
  readonly operations: FirstGenOperations;
  readonly admin: Caller;
  /** Of the template with the variables key, engineName and path. */
  readonly templateId: string;
  /** Ids for what is made next; after them come made-up ones. */
  readonly ids: string[];
  /** The time of what is made next. */
  time: string;
  /** How many scripts have run. */
  runs: number;
  play(play: Play): void;
  createManager(input?: CustomSecretManagerInput, caller?: Caller): Promise<string>;
  updateManager(id: string, input: CustomSecretManagerInput, caller?: Caller): Promise<string>;
  createText(input: EncryptedTextInput, caller?: Caller): Promise<string>;
  createSsh(name: string): Promise<string>;
  records(): Promise<readonly Record<string, unknown>[]>;
}

export const templateYaml = (identifier: string, shape = '') => `template:
  name: ${identifier}
  identifier: ${identifier}
  versionLabel: "1"
  type: SecretManager
  spec:
    shell: Bash
    expressionSyntax: FirstGen
    onDelegate: true
    source: { type: Inline, spec: { script: 'secret=$(get)${shape}' } }
    environmentVariables:
      - { name: key, type: String, value: ignored }
      - { name: engineName, type: String, value: <+input> }
      - { name: path, type: String, value: <+input> }
`;

export const variables = ['key', 'engineName', 'path'].map(name => ({ name, value: `${name}-1` }));

export async function world({ database }: TestDatabase): Promise<World> {
  const tools = await toolsFor(database);
  await tools.apply(templateYaml('kv'));
  const template = await findTemplate(database, { scope: 'account', identifier: 'kv' });
  assert.ok(template);
  // Of what documents can't say: another type of template, another shell.
  const other = (identifier: string, document: object, spec: object) =>
    saveTemplate(
      database,
      { ...template, identifier, document, content: { ...template.content, spec } },
      someTime,
      identifier,
    );
  await other('step', { type: 'Step' }, { shell: 'Bash' });
  await other('power', { type: 'SecretManager' }, { shell: 'PowerShell' });
  let play: Play = delivering('value');
  const ids: string[] = [];
  let made = 0;
  const operations = firstGenOperations({
    ...tools,
    roster: new Roster(),
    now: () => self.time,
    newUuid: () => {
      made += 1;
      return ids.shift() ?? `made-${made}`;
    },
    dispatch: request => {
      self.runs += 1;
      return play(request);
    },
  });
  const admin = someCaller();
  const self: World = {
    tools,
    operations,
    admin,
    templateId: template.uuid,
    ids,
    time: someTime,
    runs: 0,
    play: next => {
      play = next;
    },
    async createManager(input, caller = admin) {
      const customSecretManagerInput = { ...managerInput(template.uuid), ...input };
      const request = { secretManagerType: 'CUSTOM', customSecretManagerInput } as const;
      return (await operations.createSecretManager(caller, request, signal)).id;
    },
    async updateManager(secretManagerId, customSecretManagerInput, caller = admin) {
      const request = { secretManagerId, secretManagerType: 'CUSTOM', customSecretManagerInput } as const;
      return (await operations.updateSecretManager(caller, request, signal)).id;
    },
    async createText(encryptedText, caller = admin) {
      const request = { secretType: 'ENCRYPTED_TEXT', encryptedText } as const;
      return (await operations.createFirstGenSecret(caller, request, undefined, signal)).id;
    },
    async createSsh(name) {
      const sshKeyFile = { path: '/home/me/.ssh/id' };
      const sshAuthenticationMethod = { sshCredentialType: 'SSH_KEY_FILE_PATH', sshKeyFile } as const;
      const sshAuthentication = { userName: 'me', port: 22, sshAuthenticationMethod };
      const sshCredential = { name, authenticationScheme: 'SSH', sshAuthentication } as const;
      const request = { secretType: 'SSH_CREDENTIAL', sshCredential } as const;
      return (await operations.createFirstGenSecret(admin, request, undefined, signal)).id;
    },
    async records() {
      const links = await recordsAfter(database, 0, 1_000);
      return links.map(({ record }) => Object.fromEntries(Object.entries(JSON.parse(record))));
    },
  };
  return self;
}

/** One that runs on the delegate, as the contract's example has it. */
export const managerInput = (templateId: string): CustomSecretManagerInput => ({
  name: 'DocExampleSecretManager',
  templateId,
  delegateSelectors: [],
  testVariables: variables,
  isConnectorTemplatized: false,
  executeOnDelegate: true,
  host: null,
  commandPath: '/tmp',
  connectorId: null,
});

/** The text with which a request is refused. */
export async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestError) return error.message;
    throw error;
  }
  return 'it was not refused';
}

/** A delegate on which a script fails for this reason. */
export const failingWith = (failure: { reason: 'empty-value' | 'script-failed' | 'timed-out' }): Play =>
  async function* () {
    yield { event: 'failed', task: 'task-1', attempt: 1, delegate: 'edge', failure };
  };
