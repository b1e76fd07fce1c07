/** Puts the agent together and runs it until it is told to stop. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type Clock,
  generateSealingKeys,
  type Hello,
  sleep,
  systemClock,
  transportOf,
} from '../protocol/index.ts';
import { startTracing } from '../protocol/tracing.ts';
import { connections, FatalCloseError } from './connection.ts';
import { hostRunner } from './execute/host.ts';
import { type LocalRunner, localRunner } from './execute/local.ts';
import { type Health, type HealthServer, type HealthState, serveHealth } from './health.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { createLogger, type Logger } from './logger.ts';
import { createNetwork } from './network/network.ts';
import { secretsOfProxy } from './network/settings.ts';
import { createGate, type Gate } from './observe/gate.ts';
import { ignoredVariables } from './observe/ignored.ts';
import { createObserver } from './observe/observer.ts';
import { tracedTools } from './observe/traced-tools.ts';
import { runTask } from './run-task.ts';
import { type Session, startSession } from './session.ts';
import { type AgentSecrets, type AgentSettings, codeOf, SettingsError } from './settings.ts';
import { sharedRuns } from './shared-runs.ts';
import { createHosts } from './ssh/hosts.ts';
import { type TokenStep, tokenExchange } from './token-exchange.ts';
import { givenToken, type TokenSource, tokenInFile } from './token-source.ts';
import { type TrialOptions, tryConnection } from './try-connection.ts';
import { agentVersion } from './version.ts';

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly secrets: AgentSecrets;
  readonly clock?: Clock;
  /** The process environment, for what is said there by others: systemd, OpenTelemetry. */
  readonly env?: NodeJS.ProcessEnv;
  /** Hears each step of the replacement of the token. */
  readonly onTokenStep?: (step: TokenStep) => void;
}

/** Shells kept ready, so that the start of bash is off a task's way. */
const standby = 1;

/** Runs the agent. Resolves with the exit code; it neither exits nor throws by itself. */
export async function runAgent({
  settings,
  secrets,
  clock = systemClock,
  env = {},
  onTokenStep,
}: AgentOptions): Promise<number> {
  const instance = randomBytes(12).toString('base64url');
  const logger = createLogger(settings.logLevel, { delegate: settings.name, instance });
  const stopping = new AbortController();
  const since = { lastRegisteredAt: clock.now(), lastHeardAt: clock.now() };
  const health: HealthState = { registered: false, draining: false, ...since };
  if (settings.poll === 'true') health.transport = 'polling';
  const keys = await generateSealingKeys();
  const tracing = await startTracing(env, { name: 'legate-agent', version: agentVersion });
  let gate: Gate | undefined;
  const inbox = createInbox(settings.maxTasks, () => gate?.closed());
  const source = tokenSource(secrets);
  const tokenFile = source.cannotReplace === undefined ? { tokenFile: true } : {};
  const hello = { ...describeAgent(settings, instance, keys.publicKey), ...tokenFile };
  const network = createNetwork({
    settings: settings.network,
    login: secrets.proxyLogin,
    environment: secrets.environment,
    workRoot: settings.workRoot,
    warn: message => logger.warn(message),
  });
  const environment = { ...secrets.environment, ...network.scriptVariables };
  const runner = startRunner(settings, environment);
  const connected = createHosts({
    settings: settings.ssh,
    clock,
    pinned: facts => logger.warn(facts, 'the key of a host was kept when it was first used'),
  });
  const hosts = hostRunner(connected, { environment, clock });
  const shared = sharedRuns(clock, settings.cacheBytes);
  // Last, as these have timers, which end where what follows does.
  gate = createGate(settings.observe, systemClock);
  const observer = createObserver({
    name: settings.name,
    capacity: settings.maxTasks,
    settings: settings.observe,
    clock,
    inbox,
    state: health,
    logger,
    env,
    tracing,
    gate,
    certificateEnds: () => network.clientCertificateEnds(),
  });
  const { sanitize, proxyLogin } = secrets;
  const onRedaction = observer.redacted;
  const ownSecrets = secretsOfProxy(proxyLogin);
  const tools = { runner, hosts, keys, shared, clock, sanitize, ownSecrets, onRedaction };
  let healthServer: HealthServer | undefined;
  let session: Session | undefined;
  let cancelled = false;

  const stop = () => {
    if (health.draining) {
      logger.warn({ running: inbox.running().length }, 'stopping at once: cancelling what runs');
      cancelled ||= inbox.running().length > 0;
      inbox.giveBackAll();
      return;
    }
    health.draining = true;
    observer.stopping();
    const how = settings.drain === 'cancel' ? 'giving back' : 'finishing';
    logger.info({ running: inbox.running().length }, `draining: ${how} what runs, taking no more tasks`);
    if (session) session.drain();
    else inbox.drain();
    if (settings.drain === 'cancel') inbox.giveBackAll();
    void finish(inbox, settings.drainTimeoutMs, clock, logger).then(async finished => {
      cancelled ||= !finished;
      await session?.leave();
      stopping.abort();
    });
  };
  const stopWatching = watchToken(source, clock, logger, token => session?.presentToken(token));
  const stopLooking = network.watch(clock, () =>
    tryCertificates({ ...settings, token: source.current, network, hello, signal: stopping.signal }, logger),
  );
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  try {
    if (settings.healthListen) healthServer = await listen(settings.healthListen, observer.health);
    logger.info({ ...settings, url: settings.url.href, healthPort: healthServer?.port }, 'agent started');
    observer.started();
    for (const variable of ignoredVariables(env))
      logger.debug({ variable }, 'this variable means something to other delegates, and nothing here');
    for await (const socket of connections({
      ...settings,
      tokens: source,
      network,
      logger,
      clock,
      returning: { hello, idle: () => inbox.idle() },
      signal: stopping.signal,
    })) {
      health.transport = transportOf(socket);
      session = startSession(socket, {
        hello,
        inbox,
        clock,
        logger,
        forgetCredential: id => connected.forgetId(id),
        runTask: (task, bounds, sendLog) =>
          observer.task(task, span => runTask(task, tracedTools(tools, span), bounds, sendLog)),
        onHeard: observer.heard,
        onRejected: observer.rejected,
        onWelcome() {
          observer.connected();
          logger.info({ transport: health.transport }, 'connected to the control plane');
          network.welcomed();
          try {
            source.welcomed();
          } catch (error) {
            logger.error({ err: error }, 'the new token cannot be put in its place; it stays beside it');
          }
        },
        tokens: send => tokenExchange({ source, send, logger, onStep: onTokenStep }),
      });
      await session.ended;
      session = undefined;
      observer.disconnected();
    }
    logger.info(cancelled ? 'agent stopped; some tasks were cancelled' : 'agent stopped');
    return cancelled ? 1 : 0;
  } catch (error) {
    if (!(error instanceof FatalCloseError)) throw error;
    logger.fatal(error.message);
    return error.exitCode;
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    stopping.abort();
    stopWatching();
    shared.close();
    stopLooking();
    await Promise.all([runner.close(), connected.close()]);
    network.close();
    await Promise.all([healthServer?.close(), tracing.close()]);
    observer.close();
  }
}

function tokenSource({ token, tokenFile }: AgentSecrets): TokenSource {
  return tokenFile === undefined ? givenToken(token) : tokenInFile(tokenFile, token);
}

function watchToken(source: TokenSource, clock: Clock, logger: Logger, then: (token: string) => void) {
  try {
    return source.watch(clock, then);
  } catch (error) {
    // As where a user may not watch any more files.
    logger.warn({ err: error }, 'the token file cannot be watched; it is read at each connection');
    return () => {};
  }
}

/** The connection that there is goes on, whatever comes of it. */
function tryCertificates(options: TrialOptions, logger: Logger): void {
  logger.info('certificates have changed; trying a connection with them');
  void tryConnection(options).then(trial => {
    if (options.signal?.aborted) return;
    if (trial.ok) logger.info('the changed certificates are good; the next connection uses them');
    else
      logger.error({ problem: trial.problem }, 'a connection with the changed certificates is not possible');
  });
}

async function listen(address: { host: string | undefined; port: number }, health: Health) {
  try {
    return await serveHealth(address, health);
  } catch (error) {
    const where = `${address.host ?? ''}:${address.port}`;
    throw new SettingsError(`LEGATE_HEALTH_LISTEN: cannot listen on ${where} (${codeOf(error)})`);
  }
}

/** The runner as this delegate's settings want it. */
export function startRunner(
  settings: AgentSettings,
  environment: Readonly<Record<string, string>>,
  waiting = standby,
): LocalRunner {
  try {
    return localRunner({
      environment,
      workRoot: settings.workRoot,
      standby: waiting,
      memoryMib: settings.taskMemoryMib,
    });
  } catch (error) {
    throw new SettingsError(
      `LEGATE_WORK_DIR: cannot make a folder in ${settings.workRoot} (${codeOf(error)})`,
    );
  }
}

/** What the agent says of itself when it connects. */
export function describeAgent(
  settings: AgentSettings,
  instance: string,
  publicKey: Hello['publicKey'],
): Hello {
  return {
    type: 'hello',
    name: settings.name,
    instance,
    hostName: hostname().slice(0, 255),
    agentVersion,
    tags: [...settings.tags],
    capacity: settings.maxTasks,
    shells: settings.observe.blockShell ? [] : ['bash'],
    targets: ['host'],
    features: ['pick'],
    publicKey,
  };
}

/** Waits until nothing runs. After `timeoutMs` what still runs is cancelled; then it resolves with false. */
async function finish(inbox: Inbox, timeoutMs: number, clock: Clock, logger: Logger): Promise<boolean> {
  const over = new AbortController();
  const idle = inbox.idle().then(() => true);
  const finished = await Promise.race([idle, sleep(clock, timeoutMs, over.signal).then(() => false)]);
  over.abort();
  if (!finished) {
    logger.warn({ running: inbox.running().length }, 'the drain timeout is over: cancelling what runs');
    inbox.giveBackAll();
    await inbox.idle();
  }
  return finished;
}
