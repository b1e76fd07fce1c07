/** Opens what lasts: the store, its first key, the key ring and the audit trail. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../protocol/index.ts';
import { makeFirstApiKey } from './access/first-api-key.ts';
import { type Audit, createAudit } from './audit/audit.ts';
import { AuditFileError } from './audit/audit-file.ts';
import { ConfigError, type ServerConfig } from './config.ts';
import { RequestError } from './domain/errors.ts';
import { type Encryption, openEncryption } from './encryption/encryption.ts';
import { KeyRingError } from './encryption/key-ring.ts';
import { chooseKeySource } from './encryption/key-source.ts';
import { type Database, openDatabase, waitForTurn } from './store/database.ts';
import { StoreInUseError } from './store/file-lock.ts';
import { migrate, NewerStoreError } from './store/migrations.ts';
import { PostgresUrlError } from './store/postgres.ts';

export interface OpenStore {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly audit: Audit;
}

/** Throws a `ConfigError` for a setting that can't be used. */
export async function openStore(
  config: ServerConfig,
  clock: Clock,
  now: () => string,
  logger: Logger,
  auditFailed: () => void = () => {},
): Promise<OpenStore> {
  const database = await openMigrated(config, now(), logger);
  try {
    await makeKey(config.dataFolder, database, now(), logger);
    const encryption = await openValues(config, database, clock, logger);
    const key = await auditKey(database, encryption, now());
    const trail = { database, key, now, file: config.auditFile, failed: auditFailed };
    return { database, encryption, audit: await createAudit(trail) };
  } catch (error) {
    await database.destroy();
    const isSetting = error instanceof KeyRingError || error instanceof AuditFileError;
    // The audit key is under a key that is lost: the message says which, and what to do.
    if (isSetting || error instanceof RequestError) throw new ConfigError(error.message);
    throw error;
  }
}

async function openMigrated(config: ServerConfig, now: string, logger: Logger): Promise<Database> {
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
    if (error instanceof PostgresUrlError) throw new ConfigError(`--database-url: ${error.message}`);
    if (error instanceof StoreInUseError) throw new ConfigError(`--data: ${error.message}`);
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
  return database;
}

async function makeKey(folder: string, database: Database, now: string, logger: Logger): Promise<void> {
  const file = join(folder, 'admin.key');
  const made = await makeFirstApiKey(database, now, key => {
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    chmodSync(file, 0o600); // The mode above counts for a new file only.
  });
  if (made) logger.info({ file }, "made the administrator's API key; it is in this file and nowhere else");
}

async function openValues(
  { keyRing, dataFolder }: ServerConfig,
  database: Database,
  clock: Clock,
  logger: Logger,
): Promise<Encryption> {
  const encryption = await openEncryption(database, chooseKeySource(keyRing, dataFolder), clock);
  if (encryption.madeKeyRing) {
    const file = join(dataFolder, 'key-ring');
    logger.info({ file }, 'made the key ring; without a copy of it a backup of the store holds no values');
  }
  const missing = await encryption.missingKeys(database);
  if (missing.length > 0)
    logger.warn({ keyIds: missing }, 'some values are under keys that the key ring does not hold');
  const resumed = await encryption.resumeRotation(database);
  if (resumed) logger.info({ ...resumed }, 'finished a rotation of the key ring');
  return encryption;
}

const auditKeyOwner = 'server/audit-key';

/** The key of the audit trail's hashes: made once, and kept like a secret's value. */
async function auditKey(database: Database, encryption: Encryption, now: string): Promise<Uint8Array> {
  return database.transaction().execute(async transaction => {
    // Of two servers that start at once one makes it, and the other one finds it.
    await waitForTurn(transaction, 'audit key');
    const found = await encryption.get(transaction, auditKeyOwner);
    if (found) return found;
    const key = randomBytes(32);
    await encryption.put(transaction, auditKeyOwner, key, now);
    return key;
  });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
