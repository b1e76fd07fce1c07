/** Puts the control plane together: the one place that knows every part. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { type Clock, systemClock } from '../protocol/index.ts';
import { createApi } from './api/http.ts';
import { authenticateDelegate, makeFirstApiKey } from './auth.ts';
import { ConfigError, type ServerConfig } from './config.ts';
import { createDispatcher } from './dispatch/dispatcher.ts';
import type { Link } from './dispatch/link.ts';
import { Roster } from './dispatch/roster.ts';
import { tagSet } from './domain/selectors.ts';
import { attachGateway } from './gateway/gateway.ts';
import { listKnownDelegates, saveDelegateJoined, saveDelegateLeft } from './store/access.ts';
import { type Database, openDatabase } from './store/database.ts';
import { migrate, NewerStoreError } from './store/migrations.ts';
import { loadCompiler } from './template/compile.ts';
import { serverVersion } from './version.ts';

export interface RunningServer {
  /** Where it listens, as an address for clients. */
  readonly url: string;
  /** Ends what is in flight, says good-bye to the delegates and closes the store. */
  close(): Promise<void>;
}

/** Starts the control plane. Throws a `ConfigError` for an address or folder that can't be used. */
export async function startServer(config: ServerConfig, clock: Clock = systemClock): Promise<RunningServer> {
  const logger = createLogger(config.logLevel);
  const now = () => new Date().toISOString();
  const database = await openStore(config, now(), logger);
  const known = await listKnownDelegates(database);
  const roster = new Roster(known.map(delegate => ({ ...delegate, since: delegate.lastDisconnectedAt })));
  const note = (facts: Readonly<Record<string, unknown>>, message: string) => logger.info(facts, message);
  const saved = (write: Promise<void>) =>
    // What is remembered of delegates serves people; a fetch does not fail for it.
    void write.catch((error: unknown) => logger.error({ err: error }, 'cannot save a delegate'));

  const api = createApi({
    database,
    roster,
    clock,
    now,
    note,
    // One line per fetch is written where the fetch ends; the framework's own would only repeat it.
    logger: logger.child({}, { level: 'warn' }),
    compile: await loadCompiler(),
    dispatch: createDispatcher({ roster, clock }),
    ready: () =>
      sql`select 1`.execute(database).then(
        () => true,
        () => false,
      ),
  });
  const gateway = attachGateway(api.server, {
    authenticate: token => authenticateDelegate(database, token),
    join(link: Link) {
      roster.add(link);
      saved(saveDelegateJoined(database, link, now()));
    },
    leave(link: Link) {
      if (roster.remove(link, now())) saved(saveDelegateLeft(database, link.name, now()));
    },
    changed: () => roster.changed(),
    tagSet,
    note,
    clock,
    now,
    serverVersion,
  });

  let url: string;
  try {
    url = await api.listen({ port: config.port, host: config.host ?? '::' });
  } catch (error) {
    await gateway.close();
    await database.destroy();
    throw new ConfigError(
      `--listen: cannot listen on ${config.host ?? ''}:${config.port} (${codeOf(error)})`,
    );
  }
  logger.info({ url, dataFolder: config.dataFolder }, 'control plane started');
  return {
    url,
    async close() {
      logger.info('control plane stopping');
      await gateway.close();
      await api.close();
      await database.destroy();
    },
  };
}

async function openStore(config: ServerConfig, now: string, logger: Logger): Promise<Database> {
  const { dataFolder: folder, databaseUrl } = config;
  const place = databaseUrl
    ? '--database-url: cannot use the store'
    : `--data: cannot use the folder ${folder}`;
  let database: Database;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    database = openDatabase(databaseUrl ?? join(folder, 'legate.db'), ({ message }) =>
      logger.warn({ reason: message }, 'a connection to the store broke'),
    );
  } catch (error) {
    throw new ConfigError(`--data: cannot use the folder ${folder} (${codeOf(error)})`);
  }
  try {
    await migrate(database, now);
  } catch (error) {
    await database.destroy();
    if (error instanceof NewerStoreError) throw new ConfigError(`${place}: ${error.message}`);
    if (!databaseUrl) throw error;
    throw new ConfigError(
      `${place} (${codeOf(error)}${error instanceof Error && error.message ? `: ${error.message}` : ''})`,
    );
  }
  const file = join(folder, 'admin.key');
  const made = await makeFirstApiKey(database, now, key => {
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    chmodSync(file, 0o600); // The mode above counts for a new file only.
  });
  if (made) logger.info({ file }, "made the administrator's API key; it is in this file and nowhere else");
  return database;
}

function createLogger(level: string): Logger {
  const options = { level, base: null, redact: ['req.headers', '*.token', '*.key'] };
  return process.stdout.isTTY
    ? pino(options, pretty({ colorize: true, sync: true, translateTime: 'HH:MM:ss' }))
    : pino(options, pino.destination({ dest: 1, sync: true }));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
