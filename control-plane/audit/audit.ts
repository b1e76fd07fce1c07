/** Writes the audit trail. A record is in the store, and in the file where there is one, before anybody goes on. */
import { canonicalJson } from '../domain/canonical-json.ts';
import { appendRecords, lastRecord, recordAt, recordsAfter } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { AuditFile } from './audit-file.ts';
import { emptyHead, type Head, hashAfter, headOf, type Link } from './chain.ts';
import { fingerprinter } from './fingerprint.ts';
import type { AuditEntry } from './record.ts';
import { type Verification, verifyStore } from './verify.ts';

/** The trail could not be written, so what was to be recorded must not happen, or be answered. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
}

export interface AuditTools {
  readonly database: Database;
  /** 32 random bytes; they are not kept in the store. */
  readonly key: Uint8Array;
  /** ISO 8601. */
  readonly now: () => string;
  /** A path for the trail as JSON lines. */
  readonly file?: string | undefined;
  /** Something could not be written. */
  readonly failed?: () => void;
}

/** What most parts need of it. */
export interface Recorder {
  record(entry: AuditEntry): Promise<void>;
}

/** Records that are written in one go at most; what waits then is written next. */
const batchSize = 500;

type Draft = AuditEntry & { readonly time: string };

interface Waiting {
  readonly drafts: readonly Draft[];
  readonly written: () => void;
  readonly failed: (error: AuditError) => void;
}

/** Opens the trail. Throws an `AuditFileError` for a file that can't be used. */
export async function createAudit(tools: AuditTools): Promise<Audit> {
  const { database, key, file: path } = tools;
  if (key.length !== 32) throw new RangeError('the audit key must be 32 bytes');
  const head = headOf(await lastRecord(database));
  const hashAt = async (seq: number) => (await recordAt(database, seq))?.hash;
  const file = path === undefined ? undefined : await AuditFile.open(path, head, hashAt);
  const audit = new Audit(tools, head, file);
  // What the store has and the file, for a crash, has not.
  await audit.flush();
  return audit;
}

export class Audit implements Recorder {
  /** A value's fingerprint, in hex. */
  readonly fingerprint: (value: string | Uint8Array) => string;
  readonly #tools: AuditTools;
  readonly #file: AuditFile | undefined;
  readonly #waiting: Waiting[] = [];
  #head: Head;
  #scheduled = false;
  /** The end of what has been put in line: writing and changing the file never overlap. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(tools: AuditTools, head: Head, file: AuditFile | undefined) {
    this.fingerprint = fingerprinter(tools.key);
    this.#tools = tools;
    this.#head = head;
    this.#file = file;
  }

  /** The last record that this process has written. */
  get head(): Head {
    return this.#head;
  }

  /** Verifies the store's trail; what this process has written last must be there, and so must the anchors. */
  verify(anchors: readonly Head[] = []): Promise<Verification> {
    return verifyStore(this.#tools.database, this.#tools.key, [this.#head, ...anchors]);
  }

  /** Verifies the file; undefined where there is none. */
  async verifyFile(): Promise<Verification | undefined> {
    return this.#file?.verify(this.#tools.key);
  }

  /**
   * Resolves when the record is durable. Rejects with an `AuditError` when it could not be written: then refuse.
   * Records that wait at the same time share a transaction. Not to be awaited inside a transaction: see `recordIn`.
   */
  record(entry: AuditEntry): Promise<void> {
    return this.#enqueue([this.#draft(entry)]);
  }

  /**
   * Records changes in the transaction that makes them: both happen, or neither. To be called last, as others wait
   * until the transaction ends; call `flush` after it.
   */
  async recordIn(transaction: Database, entries: readonly AuditEntry[]): Promise<void> {
    const drafts = entries.map(entry => this.#draft(entry));
    try {
      await this.#append(transaction, drafts);
    } catch (error) {
      this.#tools.failed?.();
      throw notWritten(error);
    }
  }

  /** Resolves when all that is in the store is in the file too. Rejects with an `AuditError`. */
  flush(): Promise<void> {
    return this.#enqueue([]);
  }

  /** Goes on in a new file after the old one was moved away, as on SIGHUP. */
  reopen(): Promise<void> {
    return this.#inLine(async () => this.#file?.reopen());
  }

  /** Waits for what is being written, and closes the file. Rejects where something could not be written. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#inLine(async () => this.#file?.close());
    }
  }

  #draft(entry: AuditEntry): Draft {
    // A copy, as callers may go on filling in theirs.
    return { ...structuredClone(entry), time: this.#tools.now() };
  }

  #enqueue(drafts: readonly Draft[]): Promise<void> {
    return new Promise((written, failed) => {
      this.#waiting.push({ drafts, written, failed });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    void this.#inLine(() => this.#writeBatch());
  }

  async #writeBatch(): Promise<void> {
    this.#scheduled = false;
    const batch = this.#waiting.splice(0, batchSize);
    this.#schedule();
    try {
      await this.#write(batch.flatMap(({ drafts }) => drafts));
      for (const { written } of batch) written();
    } catch (error) {
      this.#tools.failed?.();
      for (const { failed } of batch) failed(notWritten(error));
    }
  }

  #inLine(work: () => Promise<void>): Promise<void> {
    const turn = this.#line.then(work);
    this.#line = turn.catch(() => {});
    return turn;
  }

  async #write(drafts: readonly Draft[]): Promise<void> {
    if (drafts.length > 0) {
      const { database } = this.#tools;
      const links = await database.transaction().execute(transaction => this.#append(transaction, drafts));
      this.#head = headOf(links.at(-1) ?? this.#head);
      if (this.#file && links[0]?.seq === this.#file.head.seq + 1) return this.#file.append(links);
    }
    await this.#catchUp();
  }

  #append(transaction: Database, drafts: readonly Draft[]): Promise<readonly Link[]> {
    return appendRecords(transaction, last => {
      let head: Head = last ?? emptyHead;
      return drafts.map(draft => {
        const seq = head.seq + 1;
        const record = canonicalJson({ ...draft, seq });
        const link = { seq, record, hash: hashAfter(this.#tools.key, head.hash, record) };
        head = link;
        return link;
      });
    });
  }

  /** The file gets what others have written, and what it missed while it could not be written. */
  async #catchUp(): Promise<void> {
    if (!this.#file) return;
    for (;;) {
      const links = await recordsAfter(this.#tools.database, this.#file.head.seq, batchSize);
      if (links.length > 0) await this.#file.append(links);
      if (links.length < batchSize) return;
    }
  }
}

const notWritten = (error: unknown) =>
  new AuditError('the audit trail cannot be written, so the request is refused', { cause: error });
