import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { networkTable } from './network/settings.ts';
import { type AgentSettings, type FlagValues, readSettings, settingDefinitions } from './settings.ts';

const token = 'tok-en.of~this+test';
const least = { LEGATE_URL: 'https://legate.example', LEGATE_TOKEN: token };

/** What an agent with these variables besides the required ones would run with. */
function settingsWith(env: Record<string, string>, flags: FlagValues = {}): AgentSettings {
  return readSettings(flags, { ...least, ...env }).settings;
}

/** As a settings file of these lines. */
function fileWith(lines: Record<string, string>) {
  const folder = temporaryFolder();
  const path = folder.file('settings');
  writeFileSync(
    path,
    Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  return { path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

interface Case {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Aliases that count in a settings file only. */
  readonly fileAliases?: readonly string[];
  /** Name of the flag as commander hands it over. */
  readonly flag?: string;
  /** Four different texts, and what is to be seen of each. */
  readonly texts: readonly [string, string, string, string];
  /** Without which it means nothing. */
  readonly also?: Readonly<Record<string, string>>;
  readonly see: (settings: AgentSettings, token: string) => unknown;
  readonly values: readonly [unknown, unknown, unknown, unknown];
}

const four = ['a', 'b', 'c', 'd'] as const;

const cases: Case[] = [
  {
    name: 'LEGATE_URL',
    aliases: ['MANAGER_HOST_AND_PORT'],
    fileAliases: ['URL'],
    flag: 'url',
    texts: ['https://a', 'http://b:80/x/', 'c:9', 'ws://d'],
    see: settings => settings.url.href,
    values: ['wss://a/', 'ws://b/x', 'wss://c:9/', 'ws://d/'],
  },
  {
    name: 'LEGATE_TOKEN',
    aliases: ['DELEGATE_TOKEN'],
    fileAliases: ['TOKEN'],
    texts: four,
    see: (_, found) => found,
    values: four,
  },
  {
    name: 'LEGATE_NAME',
    aliases: ['DELEGATE_NAME'],
    fileAliases: ['NAME'],
    flag: 'name',
    texts: four,
    see: settings => settings.name,
    values: four,
  },
  {
    name: 'LEGATE_TAGS',
    aliases: ['DELEGATE_TAGS'],
    fileAliases: ['TAGS'],
    flag: 'tags',
    texts: ['a, b', ' c ,, d e ', ',', 'f'],
    see: settings => settings.tags,
    values: [['a', 'b'], ['c', 'd e'], [], ['f']],
  },
  {
    name: 'LEGATE_HEALTH_LISTEN',
    flag: 'healthListen',
    texts: [':1', '127.0.0.1:2', '[::1]:3', 'off'],
    see: settings => settings.healthListen,
    values: [
      { host: undefined, port: 1 },
      { host: '127.0.0.1', port: 2 },
      { host: '::1', port: 3 },
      undefined,
    ],
  },
  {
    name: 'LEGATE_HEALTH_GRACE',
    flag: 'healthGrace',
    texts: ['0', '1', '60', '604800'],
    see: settings => settings.observe.graceMs,
    values: [0, 1_000, 60_000, 604_800_000],
  },
  {
    name: 'LEGATE_STUCK_AFTER',
    flag: 'stuckAfter',
    texts: ['0', '1', '60', '3600'],
    see: settings => settings.observe.stuckAfterMs,
    values: [0, 1_000, 60_000, 3_600_000],
  },
  {
    name: 'LEGATE_COMPATIBLE_METRICS',
    flag: 'compatibleMetrics',
    texts: ['off', 'on', 'OFF', 'On'],
    see: settings => settings.observe.compatibleMetrics,
    values: [false, true, false, true],
  },
  {
    name: 'LEGATE_BLOCK_SHELL',
    aliases: ['BLOCK_SHELL_TASK'],
    flag: 'blockShell',
    texts: ['true', 'false', 'TRUE', 'False'],
    see: settings => settings.observe.blockShell,
    values: [true, false, true, false],
  },
  {
    name: 'LEGATE_DYNAMIC_REQUESTS',
    aliases: ['DYNAMIC_REQUEST_HANDLING'],
    flag: 'dynamicRequests',
    texts: ['true', 'false', 'TRUE', 'False'],
    see: settings => settings.observe.thresholds,
    values: [{ memory: 80, cpu: 80 }, undefined, { memory: 80, cpu: 80 }, undefined],
  },
  {
    name: 'LEGATE_MEMORY_THRESHOLD',
    aliases: ['DELEGATE_RESOURCE_THRESHOLD'],
    flag: 'memoryThreshold',
    also: { LEGATE_DYNAMIC_REQUESTS: 'true' },
    texts: ['1', '50', '99', '100'],
    see: settings => settings.observe.thresholds,
    values: [
      { memory: 1, cpu: 1 },
      { memory: 50, cpu: 50 },
      { memory: 99, cpu: 99 },
      { memory: 100, cpu: 100 },
    ],
  },
  {
    name: 'LEGATE_CPU_THRESHOLD',
    aliases: ['DELEGATE_CPU_THRESHOLD'],
    flag: 'cpuThreshold',
    also: { LEGATE_DYNAMIC_REQUESTS: 'true' },
    texts: ['1', '50', '99', '100'],
    see: settings => settings.observe.thresholds?.cpu,
    values: [1, 50, 99, 100],
  },
  {
    name: 'LEGATE_MAX_TASKS',
    aliases: ['DELEGATE_TASK_CAPACITY', 'DELEGATE_TASK_LIMIT'],
    flag: 'maxTasks',
    texts: ['1', '2', '003', '10000'],
    see: settings => settings.maxTasks,
    values: [1, 2, 3, 10_000],
  },
  {
    name: 'LEGATE_CACHE',
    flag: 'cache',
    texts: ['0', '2', '016', '1024'],
    see: settings => settings.cacheBytes,
    values: [0, 2_097_152, 16_777_216, 1_073_741_824],
  },
  {
    name: 'LEGATE_LOG_LEVEL',
    aliases: ['LOGGING_LEVEL'],
    flag: 'logLevel',
    texts: ['debug', 'WARN', 'silent', 'Trace'],
    see: settings => settings.logLevel,
    values: ['debug', 'warn', 'silent', 'trace'],
  },
  {
    name: 'LEGATE_POLL',
    aliases: ['POLL_FOR_TASKS'],
    flag: 'poll',
    texts: ['true', 'AUTO', 'True', 'auto'],
    see: settings => settings.poll,
    values: ['true', 'auto', 'true', 'auto'],
  },
  {
    name: 'LEGATE_DRAIN',
    flag: 'drain',
    texts: ['finish', 'cancel', 'Cancel', 'FINISH'],
    see: settings => settings.drain,
    values: ['finish', 'cancel', 'cancel', 'finish'],
  },
  {
    name: 'LEGATE_TASK_MEMORY',
    flag: 'taskMemory',
    texts: ['16', '256', '1024', '1048576'],
    see: settings => settings.taskMemoryMib,
    values: [16, 256, 1_024, 1_048_576],
  },
  {
    name: 'LEGATE_DRAIN_TIMEOUT',
    flag: 'drainTimeout',
    texts: ['0', '1', '600', '86400'],
    see: settings => settings.drainTimeoutMs,
    values: [0, 1_000, 600_000, 86_400_000],
  },
  {
    name: 'LEGATE_WORK_DIR',
    flag: 'workDir',
    texts: ['/a', '/b c', '/c/', '/'],
    see: settings => settings.workRoot,
    values: ['/a', '/b c', '/c/', '/'],
  },
  {
    name: 'LEGATE_SCRIPT_ENV',
    flag: 'scriptEnv',
    texts: ['A', 'b,C_1', ' D , E ', '_F'],
    see: settings => settings.scriptEnvironment,
    values: [['A'], ['b', 'C_1'], ['D', 'E'], ['_F']],
  },
  {
    name: 'LEGATE_KNOWN_HOSTS',
    flag: 'knownHosts',
    texts: ['/a', '/b c', '/c/', '/d'],
    see: settings => settings.ssh.knownHosts,
    values: ['/a', '/b c', '/c/', '/d'],
  },
  {
    name: 'LEGATE_SSH_TRUST',
    flag: 'sshTrust',
    texts: ['strict', 'Strict', 'STRICT', 'strict'],
    see: settings => settings.ssh.trust,
    values: ['strict', 'strict', 'strict', 'strict'],
  },
  {
    name: 'LEGATE_SSH_KEYS',
    flag: 'sshKeys',
    texts: ['/a', '/b c', '/c/', '/d'],
    see: settings => settings.ssh.keys,
    values: ['/a', '/b c', '/c/', '/d'],
  },
  {
    name: 'LEGATE_SSH_AGENT',
    flag: 'sshAgent',
    texts: ['/a', '/b c', '/c/', '/d'],
    see: settings => settings.ssh.agent,
    values: ['/a', '/b c', '/c/', '/d'],
  },
  {
    name: 'LEGATE_SSH_ALLOW',
    flag: 'sshAllow',
    texts: ['*.a.example, b', 'u@c:22', '[::1]:2222,', '10.0.0.0/8'],
    see: settings => settings.ssh.allow,
    values: [['*.a.example', 'b'], ['u@c:22'], ['[::1]:2222'], ['10.0.0.0/8']],
  },
  {
    name: 'LEGATE_SSH_DENY',
    flag: 'sshDeny',
    texts: ['loopback', 'metadata,link-local', 'fd00::/8', 'root@*'],
    see: settings => settings.ssh.deny,
    values: [['loopback'], ['metadata', 'link-local'], ['fd00::/8'], ['root@*']],
  },
  {
    name: 'LEGATE_SSH_MAX_SESSIONS',
    flag: 'sshMaxSessions',
    texts: ['1', '2', '10', '1000'],
    see: settings => settings.ssh.maxSessions,
    values: [1, 2, 10, 1_000],
  },
  {
    name: 'LEGATE_SSH_MAX_CONNECTIONS',
    flag: 'sshMaxConnections',
    texts: ['1', '2', '10', '1000'],
    see: settings => settings.ssh.maxConnections,
    values: [1, 2, 10, 1_000],
  },
  {
    name: 'LEGATE_SSH_IDLE',
    flag: 'sshIdle',
    texts: ['0', '1', '600', '86400'],
    see: settings => settings.ssh.idleMs,
    values: [0, 1_000, 600_000, 86_400_000],
  },
  {
    name: 'LEGATE_SSH_MAX_AGE',
    flag: 'sshMaxAge',
    texts: ['1', '2', '600', '86400'],
    see: settings => settings.ssh.maxAgeMs,
    values: [1_000, 2_000, 600_000, 86_400_000],
  },
];

describe('a setting is taken from its flag, else the environment, else the settings file', () => {
  for (const { name, aliases = [], fileAliases = [], flag, also = {}, texts, see, values } of cases) {
    const seen = (flags: FlagValues, env: Record<string, string>) => {
      const { settings, secrets } = readSettings(flags, {
        ...(name === 'LEGATE_URL' ? {} : { LEGATE_URL: least.LEGATE_URL }),
        ...(name === 'LEGATE_TOKEN' ? {} : { LEGATE_TOKEN: token }),
        ...also,
        ...env,
      });
      return see(settings, secrets.token);
    };

    test(`${name} and its aliases, each by itself`, () => {
      for (const [at, text] of texts.entries()) {
        for (const variable of [name, ...aliases])
          assert.deepEqual(seen({}, { [variable]: text }), values[at], `${variable}=${text}`);
        for (const variable of [name, ...aliases, ...fileAliases]) {
          using file = fileWith({ [variable]: `'${text}'` });
          assert.deepEqual(seen({ config: file.path }, {}), values[at], `${variable}=${text} in the file`);
        }
        if (flag) assert.deepEqual(seen({ [flag]: text }, {}), values[at], `--${flag} ${text}`);
      }
    });

    test(`${name}: what is stronger counts`, () => {
      const [alias = name] = aliases;
      using file = fileWith({ [name]: `'${texts[3]}'` });
      const config = file.path;
      assert.deepEqual(seen({ config }, {}), values[3]);
      assert.deepEqual(seen({ config }, { [alias]: texts[2] }), values[2]);
      assert.deepEqual(seen({ config }, { [alias]: texts[2], [name]: texts[1] }), values[1]);
      if (flag) assert.deepEqual(seen({ config, [flag]: texts[0] }, { [name]: texts[1] }), values[0]);
    });

    test(`${name}: an empty variable counts as absent`, () => {
      using file = fileWith({ [name]: `'${texts[0]}'` });
      const empty = Object.fromEntries([name, ...aliases].map(variable => [variable, ' ']));
      assert.deepEqual(seen({ config: file.path }, empty), values[0]);
    });
  }

  test('and every setting there is has been tried here', () => {
    // Those of the network have tests beside them.
    const elsewhere = Object.values(networkTable).map(({ name }) => name);
    const tried = [
      ...cases.map(({ name }) => name),
      ...elsewhere,
      'LEGATE_CONFIG',
      'LEGATE_TOKEN_FILE',
      // In sanitize-settings.test.ts.
      'LEGATE_SANITIZE_PATTERNS',
    ];
    assert.deepEqual(new Set(settingDefinitions.map(({ name }) => name)), new Set(tried));
    for (const { name, aliases = [] } of settingDefinitions) {
      const known = cases.find(setting => setting.name === name);
      if (known) assert.deepEqual(aliases, [...(known.aliases ?? []), ...(known.fileAliases ?? [])]);
    }
  });
});

test('short aliases are those of a settings file only: in an environment they are too common to mean us', () => {
  const settings = settingsWith({ NAME: 'other', TAGS: 'other', URL: 'other', TOKEN: 'other' });
  assert.deepEqual([settings.name, settings.tags, settings.url.host], [hostname(), [], 'legate.example']);
});

test('the file of patterns for what is masked is read, and its patterns are not among what is logged', () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('patterns'), 'EMP-[0-9]+\n');
  const { settings, secrets } = readSettings(
    {},
    { ...least, LEGATE_SANITIZE_PATTERNS: folder.file('patterns') },
  );
  assert.deepEqual(secrets.sanitize('is EMP-12'), [[3, 9]]);
  assert.ok(!JSON.stringify(settings).includes('EMP'));
});

test('the settings file may be named by a variable', () => {
  using file = fileWith({ LEGATE_NAME: 'of-the-file' });
  assert.equal(settingsWith({ LEGATE_CONFIG: file.path }).name, 'of-the-file');
});

test('what is not set has its default', () => {
  assert.deepEqual(settingsWith({}), {
    url: new URL('wss://legate.example/'),
    name: hostname(),
    tags: [],
    healthListen: { host: undefined, port: 3_460 },
    maxTasks: 50,
    cacheBytes: 16 * 1_048_576,
    logLevel: 'info',
    poll: 'auto',
    drain: 'finish',
    drainTimeoutMs: 540_000,
    workRoot: tmpdir(),
    scriptEnvironment: [],
    taskMemoryMib: undefined,
    ssh: {
      knownHosts: undefined,
      trust: 'strict',
      keys: undefined,
      agent: undefined,
      allow: [],
      deny: ['metadata'],
      maxSessions: 8,
      maxConnections: 4,
      idleMs: 60_000,
      maxAgeMs: 3_600_000,
    },
    network: {
      caFile: undefined,
      caFolder: undefined,
      scriptCa: undefined,
      clientCertificate: undefined,
      clientKey: undefined,
      proxy: undefined,
      proxyControlPlane: true,
      noProxy: [],
    },
    observe: {
      graceMs: 300_000,
      stuckAfterMs: 30_000,
      compatibleMetrics: true,
      blockShell: false,
      thresholds: undefined,
    },
  });
});

test('no polling at all is asked for by our name only: with that of Harness it is the usual way', () => {
  assert.equal(settingsWith({ LEGATE_POLL: 'false' }).poll, 'false');
  assert.equal(settingsWith({ POLL_FOR_TASKS: 'false' }).poll, 'auto');
});

test('a first key is pinned only where that was asked for, with a file to keep it', () => {
  const env = { LEGATE_SSH_TRUST: 'first-use', LEGATE_KNOWN_HOSTS: '/k' };
  assert.equal(settingsWith(env).ssh.trust, 'first-use');
});

test('an address keeps its path and loses what else it may hold', () => {
  for (const [text, url] of [
    ['https://legate.example:8443/a/b/', 'wss://legate.example:8443/a/b'],
    ['http://127.0.0.1:8080', 'ws://127.0.0.1:8080/'],
    ['WSS://Legate.Example', 'wss://legate.example/'],
    ['legate.example', 'wss://legate.example/'],
    ['localhost:8080/x', 'wss://localhost:8080/x'],
    ['https://[::1]:1/?query#hash', 'wss://[::1]:1/'],
  ] as const)
    assert.equal(settingsWith({ LEGATE_URL: text }).url.href, url);
});
