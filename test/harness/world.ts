/**
 * The real parts of a journey: a control plane, delegates and the command line as processes of their own,
 * in a folder that goes away with them. Ports are the system's choice.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, watch } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type Program, startProgram } from './program.ts';

const cli = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
/** The gallery's folder. */
export const gallery = fileURLToPath(new URL('../../templates', import.meta.url));

export interface CommandResult {
  readonly code: number;
  readonly out: Buffer;
  readonly err: string;
}

export interface ServerOptions {
  /** A port to come back to; by default the system's choice. */
  readonly port?: number;
  readonly logLevel?: string;
  /** A Postgres for the store; by default it is a file in the data folder. */
  readonly databaseUrl?: string;
  /** Further flags. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Further variables of the command line's. */
  readonly cliEnv?: Readonly<Record<string, string>>;
}

export interface AgentOptions {
  readonly name?: string;
  readonly tags?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Where the control plane is; by default the world's own. */
  readonly url?: string;
  readonly token?: string;
  /** A command that ends in running the one behind it, as `env` does. */
  readonly within?: readonly string[];
}

export interface World extends AsyncDisposable {
  /** A folder for whatever the journey needs. */
  readonly folder: string;
  readonly url: string;
  readonly apiKey: string;
  readonly server: Program;
  /** Starts a delegate; it need not be connected when this returns. */
  agent(options?: AgentOptions): Promise<Program>;
  /** Starts a delegate and waits until the control plane knows it. */
  connectedAgent(options?: AgentOptions): Promise<Program>;
  /** Ends the control plane, and starts it anew on the same port and data. */
  restartServer(how: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  token(...args: string[]): Promise<string>;
  /** Runs the command line. */
  legate(args: readonly string[], options?: { input?: string; signal?: AbortSignal }): Promise<CommandResult>;
  /** Applies YAML text, connectors untested; throws when it is refused. */
  apply(yaml: string): Promise<string>;
  /** Applies a connector for a script that takes the given inputs, and a secret that gives them. */
  script(script: string, options?: ScriptOptions): Promise<{ secret: string; connector: string }>;
  /** A request to the native API. */
  api(path: string, body?: object, signal?: AbortSignal): Promise<Response>;
  /** Everything that any program has written. */
  output(): string;
}

export interface ScriptOptions {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly selectors?: readonly string[];
  readonly selectorSyntax?: 'expression';
  /** Seconds. */
  readonly timeout?: number;
  readonly workingDirectory?: string;
  /** Seconds. */
  readonly cacheTtl?: number;
}

/** Starts a control plane in a fresh folder. Dispose of it with `await using`. */
export async function startWorld(options: ServerOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'legate-journey-'));
  const data = join(folder, 'data');
  const agents: Program[] = [];
  const outputs: (() => string)[] = [];
  let scripts = 0;

  const startServer = async (port: number): Promise<{ program: Program; url: string }> => {
    const args = [cli, 'server', '--listen', `127.0.0.1:${port}`, '--data', data];
    const store = options.databaseUrl === undefined ? [] : ['--database-url', options.databaseUrl];
    const program = startProgram({
      args: [...args, ...store, '--log-level', options.logLevel ?? 'debug', ...(options.args ?? [])],
      ...(options.env ? { env: options.env } : {}),
    });
    outputs.push(() => program.output());
    const { url } = await program.said('control plane started');
    return { program, url: String(url) };
  };

  let { program: server, url } = await startServer(options.port ?? 0);
  const apiKey = (await readFile(join(data, 'admin.key'), 'utf8')).trim();

  const world: World = {
    folder,
    apiKey,
    get url() {
      return url;
    },
    get server() {
      return server;
    },
    async agent({ name = 'delegate', tags = '', env = {}, args = [], url: other, token, within } = {}) {
      const tokenFile = join(folder, `token-${agents.length}`);
      await writeFile(
        tokenFile,
        token ?? (await world.token(`t${agents.length}-${randomBytes(4).toString('hex')}`)),
        {
          mode: 0o600,
        },
      );
      const work = join(folder, `work-${agents.length}`);
      await mkdir(work);
      const settings = ['--url', other ?? url, '--token-file', tokenFile, '--name', name, '--tags', tags];
      const rest = ['--health-listen', '127.0.0.1:0', '--work-dir', work, '--log-level', 'debug', ...args];
      const program = startProgram({
        args: [cli, 'agent', ...settings, ...rest],
        env,
        ...(within ? { within } : {}),
      });
      agents.push(program);
      outputs.push(() => program.output());
      return program;
    },
    async connectedAgent(agentOptions) {
      const program = await world.agent(agentOptions);
      await program.said('connected to the control plane');
      return program;
    },
    async restartServer(how) {
      server.signal(how);
      await server.ended;
      ({ program: server, url } = await startServer(Number(new URL(url).port)));
    },
    async token(name, ...args) {
      const made = await world.legate(['delegate', 'token', 'create', name ?? 'token', ...args]);
      if (made.code !== 0) throw new Error(made.err);
      return made.out.toString().trim();
    },
    async legate(args, { input = '', signal } = {}) {
      const run = await execa(process.execPath, [cli, ...args], {
        env: { PATH: process.env.PATH ?? '', LEGATE_SERVER: url, LEGATE_API_KEY: apiKey, ...options.cliEnv },
        extendEnv: false,
        encoding: 'buffer',
        input,
        reject: false,
        stripFinalNewline: false,
        ...(signal ? { cancelSignal: signal, killSignal: 'SIGINT', forceKillAfterDelay: false } : {}),
      });
      const result = {
        code: run.exitCode ?? -1,
        out: Buffer.from(run.stdout),
        err: Buffer.from(run.stderr).toString(),
      };
      outputs.push(() => result.err);
      return result;
    },
    async apply(yaml) {
      const result = await world.legate(['apply', '-f', '-', '--skip-tests'], { input: yaml });
      if (result.code !== 0) throw new Error(result.err);
      return result.out.toString();
    },
    async script(
      script,
      { inputs = {}, selectors = [], selectorSyntax, timeout = 30, workingDirectory, cacheTtl } = {},
    ) {
      scripts += 1;
      const id = `script_${scripts}`;
      const names = Object.keys(inputs);
      const documents = [
        {
          template: {
            name: id,
            identifier: id,
            versionLabel: '1',
            type: 'SecretManager',
            spec: {
              shell: 'Bash',
              onDelegate: true,
              source: { type: 'Inline', spec: { script } },
              environmentVariables: names.map(name => ({ name, type: 'String', value: '<+input>' })),
            },
          },
        },
        {
          connector: {
            name: id,
            identifier: id,
            type: 'CustomSecretManager',
            spec: {
              onDelegate: true,
              timeout,
              delegateSelectors: selectors,
              ...(selectorSyntax === undefined ? {} : { selectorSyntax }),
              ...(workingDirectory === undefined ? {} : { workingDirectory }),
              ...(cacheTtl === undefined ? {} : { cacheTtlSeconds: cacheTtl }),
              template: {
                templateRef: `account.${id}`,
                versionLabel: '1',
                templateInputs: {
                  environmentVariables: names.map(name => ({ name, type: 'String', value: inputs[name] })),
                },
              },
            },
          },
        },
        {
          secret: {
            type: 'SecretText',
            name: id,
            identifier: id,
            spec: {
              secretManagerIdentifier: `account.${id}`,
              valueType: 'CustomSecretManagerValues',
              value:
                names.length === 0
                  ? ''
                  : JSON.stringify({
                      environmentVariables: names.map(name => ({
                        name,
                        type: 'String',
                        value: inputs[name],
                      })),
                    }),
            },
          },
        },
      ];
      // JSON is YAML.
      await world.apply(documents.map(document => JSON.stringify(document)).join('\n---\n'));
      return { secret: `account.${id}`, connector: `account.${id}` };
    },
    api: (path, body, signal) =>
      fetch(`${url}/api/v1${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'x-api-key': apiKey, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(signal ? { signal } : {}),
      }),
    output: () => outputs.map(output => output()).join('\n'),
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map(agent => agent.stop()));
      await server.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return world;
}

/** Resolves when a file is there: how a script tells a journey that it has got to some point. */
export function appears(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      watcher.close();
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    };
    const look = () => existsSync(path) && settle();
    // Watching begins before looking, so that nothing is missed in between.
    const watcher = watch(dirname(path), look);
    const timer = setTimeout(() => settle(new Error(`${path} did not appear`)), 60_000);
    look();
  });
}

/** Does a process exist? A zombie counts as gone. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Resolves when a process has ended. It is nobody's child here, so there is nothing to wait for but to look. */
export function ends(pid: number): Promise<void> {
  return becomesTrue(() => !isRunning(pid), `process ${pid} is still running`);
}

/** Looks again and again, for what nobody announces. */
export async function becomesTrue(
  look: () => boolean | Promise<boolean>,
  otherwise: string | (() => string) = 'it did not become true',
  withinMs = 30_000,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await look())) {
    if (performance.now() > until) throw new Error(typeof otherwise === 'string' ? otherwise : otherwise());
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
