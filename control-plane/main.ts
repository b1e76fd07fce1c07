/** Puts the control plane together: the one place that knows every part. */
import { sql } from 'kysely';
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { type Clock, every, isJwt, systemClock } from '../protocol/index.ts';
import { startTracing } from '../protocol/tracing.ts';
import { ApiKeys } from './access/api-keys.ts';
import { DelegateIssuers } from './access/delegate-issuers.ts';
import { DelegateTokens } from './access/delegate-tokens.ts';
import { RateLimits } from './access/rate-limits.ts';
import { delegatePollingRoutes } from './api/delegate-polling.ts';
import { nativeOperations } from './api/graphql/native-operations.ts';
import { graphqlRoutes } from './api/graphql/routes.ts';
import { createApi } from './api/http.ts';
import { auditedJoin, auditedReplacement } from './audit/audited.ts';
import { DelegateTrail } from './audit/delegate-trail.ts';
import { ConfigError, type ServerConfig } from './config.ts';
import { createDispatcher } from './dispatch/dispatcher.ts';
import type { Link } from './dispatch/link.ts';
import { Roster } from './dispatch/roster.ts';
import { newUuid } from './domain/ids.ts';
import type { Caller } from './domain/permissions.ts';
import { tagSet } from './domain/selectors.ts';
import { versionNote } from './domain/versions.ts';
import { refreshDrained } from './drain-delegate.ts';
import { firstGenOperations } from './first-gen/operations.ts';
import { attachGateway, type Gateway } from './gateway/gateway.ts';
import { serverMetrics } from './observe/metrics.ts';
import { type MetricsServer, serveMetrics } from './observe/serve-metrics.ts';
import { startSynthetic } from './observe/synthetic.ts';
import { codeOf, openStore } from './open-store.ts';
import { listKnownDelegates, saveDelegateJoined, saveDelegateLeft } from './store/access.ts';
import { listDelegateRows } from './store/delegates.ts';
import { accountId } from './store/settings.ts';
import { loadCompiler } from './template/compile.ts';
import { serverTls } from './tls/server-tls.ts';
import { serverVersion } from './version.ts';

/** How often it is looked which delegates are drained, by way of another server of the same store. */
const refreshEveryMs = 15_000;

export interface RunningServer {
  /** Where it listens, as an address for clients. */
  readonly url: string;
  /** When the TLS certificate that is in use ends, in milliseconds since 1970; undefined: there is none. */
  certificateEnds(): number | undefined;
  /** Goes on in a new audit file, after the old one was moved away. */
  reopenFiles(): Promise<void>;
  /** Ends what is in flight, says good-bye to the delegates and closes the store. */
  close(): Promise<void>;
}

/** Starts the control plane. Throws a `ConfigError` for an address or folder that can't be used. */
export async function startServer(config: ServerConfig, clock: Clock = systemClock): Promise<RunningServer> {
  const logger = createLogger(config.logLevel);
  const now = () => new Date().toISOString();
  const metrics = serverMetrics();
  const tls =
    config.tls &&
    serverTls(config.tls, {
      clock,
      note: (facts, message) => logger.info(facts, message),
      warn: (facts, message) => logger.warn(facts, message),
    });
  const tracing = await startTracing(config.openTelemetry, { name: 'legate-server', version: serverVersion });
  const store = await openStore(config, clock, now, logger, () => metrics.auditFailed());
  const { database, encryption, audit } = store;
  const keys = new ApiKeys({
    database,
    now,
    failed: error => logger.warn({ err: error }, "cannot save a key's last use"),
  });
  let gateway: Gateway | undefined;
  const tokens = new DelegateTokens({
    database,
    clock,
    now,
    sessions: () => gateway?.sessions().filter(({ until }) => until === undefined) ?? [],
    audited: auditedReplacement(audit, clock),
    failed: error => logger.warn({ err: error }, 'cannot look after the delegate tokens'),
  });
  const joined = auditedJoin(audit, clock);
  const issuers = new DelegateIssuers({
    database,
    clock,
    now,
    sessions: () => gateway?.sessions().filter(({ until }) => until !== undefined) ?? [],
    note: (facts, message) => logger.warn(facts, message),
    failed: error => logger.warn({ err: error }, 'cannot look after the delegates of trusted issuers'),
  });
  const trail = new DelegateTrail({
    audit,
    clock,
    failed: error => logger.error({ err: error }, 'cannot record what happened to a delegate'),
  });
  const known = await listKnownDelegates(database);
  const roster = new Roster(
    known.map(delegate => ({ ...delegate, since: delegate.lastDisconnectedAt })),
    { clock, now },
  );
  metrics.watch(roster);
  metrics.watchCertificate(() => tls?.certificateEnds());
  const note = (facts: Readonly<Record<string, unknown>>, message: string) => logger.info(facts, message);
  const saved = (write: Promise<void>) =>
    // What is remembered of delegates serves people; a fetch does not fail for it.
    void write.catch((error: unknown) => logger.error({ err: error }, 'cannot save a delegate'));

  for (const { name, status, drainedAt } of await listDelegateRows(database)) {
    roster.setStatus(name, status);
    roster.setDrained(name, drainedAt);
  }
  const tools = {
    database,
    encryption,
    audit,
    roster,
    clock,
    now,
    newUuid,
    note,
    tracing,
    compile: await loadCompiler(),
    dispatch: metrics.measured(createDispatcher({ roster, clock }), clock),
  };
  const limits = new RateLimits({
    ...config.rateLimit,
    clock,
    note: (facts, message) => logger.warn(facts, message),
  });
  const graphql = {
    ...firstGenOperations(tools),
    ...nativeOperations(tools),
    accountId: await accountId(database),
    graphqlExplorer: config.graphqlExplorer,
    limits,
    authenticate: (key: string | undefined, source: string) => keys.authenticate(key, source),
    whenEnded: (caller: Caller, then: () => void) => keys.whenEnded(caller, then),
  };

  const api = createApi({
    ...tools,
    keys,
    limits,
    tokens,
    issuers,
    // One line per fetch is written where the fetch ends; the framework's own would only repeat it.
    logger: logger.child({}, { level: 'warn' }),
    tls: tls?.options,
    more(app) {
      app.addHook('onResponse', async (request, reply) =>
        metrics.request(
          request.method,
          request.routeOptions.url ?? 'none',
          reply.statusCode,
          reply.elapsedTime,
        ),
      );
      graphqlRoutes(app, graphql);
      delegatePollingRoutes(app, (...request) => gateway?.poll(...request));
    },
    ready: () =>
      sql`select 1`.execute(database).then(
        () => true,
        () => false,
      ),
  });
  gateway = attachGateway(api.server, {
    tokens: {
      authenticate: (token, address) => (isJwt(token) ? issuers : tokens).authenticate(token, address),
      joining: async (facts, { name }, address) => {
        if (facts.until !== undefined) await joined(facts, name, address ?? '');
      },
      propose: (current, hash) => tokens.propose(current, hash),
    },
    join(link: Link) {
      metrics.joined();
      roster.add(link);
      const { name: delegate, instance, agentVersion } = link;
      const difference = versionNote(agentVersion, serverVersion);
      if (difference !== undefined)
        note({ delegate, instance, agentVersion, difference }, 'delegate has another version');
      saved(saveDelegateJoined(database, link, now()));
    },
    leave(link: Link) {
      metrics.left();
      if (roster.remove(link, now())) saved(saveDelegateLeft(database, link.name, now()));
    },
    changed: link => roster.changed(link),
    event: event => trail.add(event),
    tagSet,
    note,
    refused: metrics.refused,
    clock,
    now,
    serverVersion,
    heartbeatMs: config.heartbeatMs,
    admissionRate: config.admissionRate,
    ...(config.tls ? { clientAuth: config.tls.clientAuth } : {}),
  });

  let metricsServer: MetricsServer | undefined;
  let url: string;
  try {
    if (config.metricsListen)
      metricsServer = await listening('--metrics-listen', config.metricsListen, where =>
        serveMetrics(where, () => metrics.text()),
      );
    url = await listening('--listen', config, ({ host, port }) => api.listen({ port, host: host ?? '::' }));
  } catch (error) {
    await metricsServer?.close();
    await gateway.close();
    await trail.close();
    await audit.close();
    await database.destroy();
    throw error;
  }
  tokens.start();
  issuers.start();
  let refreshing = Promise.resolve();
  const stopRefreshing = every(clock, refreshEveryMs, () => {
    refreshing = refreshDrained({ database, roster }).catch((error: unknown) =>
      logger.warn({ err: error }, 'cannot look which delegates are drained'),
    );
  });
  tls?.watch(api.server);
  const { syntheticIntervalMs: intervalMs } = config;
  const stopSynthetic =
    intervalMs > 0
      ? startSynthetic({ roster, clock, intervalMs, note, measured: metrics.synthetic })
      : () => {};
  const metricsPort = metricsServer?.port;
  logger.info({ url, dataFolder: config.dataFolder, metricsPort }, 'control plane started');
  return {
    url,
    certificateEnds: () => tls?.certificateEnds(),
    reopenFiles: () => audit.reopen(),
    async close() {
      logger.info('control plane stopping');
      stopRefreshing();
      await refreshing;
      tls?.close();
      stopSynthetic();
      await gateway?.close();
      await api.close();
      await metricsServer?.close();
      await tracing.close();
      await keys.settled();
      await tokens.close();
      await issuers.close();
      await trail.close();
      await audit.close();
      await database.destroy();
    },
  };
}

type Address = { readonly host: string | undefined; readonly port: number };

async function listening<T>(flag: string, at: Address, listen: (at: Address) => Promise<T>): Promise<T> {
  try {
    return await listen(at);
  } catch (error) {
    throw new ConfigError(`${flag}: cannot listen on ${at.host ?? ''}:${at.port} (${codeOf(error)})`);
  }
}

function createLogger(level: string): Logger {
  const options = { level, base: null, redact: ['req.headers', '*.token', '*.key'] };
  return process.stdout.isTTY
    ? pino(options, pretty({ colorize: true, sync: true, translateTime: 'HH:MM:ss' }))
    : pino(options, pino.destination({ dest: 1, sync: true }));
}
