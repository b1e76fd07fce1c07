/** The trail as a file of JSON lines: a copy that the store's administrator can't change. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Head, Link } from './chain.ts';
import { type FileLine, formatLine, parseLine } from './file-line.ts';
import { type Verification, verifyFile } from './verify.ts';

/** The file can't be used; the message says why and what to do. */
export class AuditFileError extends Error {
  override readonly name = 'AuditFileError';
}

interface Opened {
  readonly handle: FileHandle;
  /** Bytes up to and including the last complete line. */
  readonly size: number;
  readonly last: FileLine | undefined;
}

export class AuditFile {
  readonly #path: string;
  #handle: FileHandle;
  #size: number;
  #head: Head;
  /** A write has failed: there may be a part of it at the end. */
  #torn = false;

  private constructor(path: string, { handle, size, last }: Opened, storeHead: Head) {
    this.#path = path;
    this.#handle = handle;
    this.#size = size;
    // An empty file begins with the next record.
    this.#head = last ?? storeHead;
  }

  /**
   * Opens the file, readable to its owner only, to go on where it ends; a line that a crash cut off is removed.
   * `hashAt`: the store's hash of a record. Throws an `AuditFileError` where the file is not this trail's.
   */
  static async open(
    path: string,
    storeHead: Head,
    hashAt: (seq: number) => Promise<string | undefined>,
  ): Promise<AuditFile> {
    const opened = await openFile(path);
    const { last } = opened;
    if (!last || (await hashAt(last.seq)) === last.hash) return new AuditFile(path, opened, storeHead);
    await opened.handle.close();
    throw new AuditFileError(
      `${path} ends with a record (${last.seq}) that the store does not have; ` +
        'if the store was restored, move this file away and keep it',
    );
  }

  /** The last record that is in the file, or that was in the one before. */
  get head(): Head {
    return this.#head;
  }

  /** Is every line what was written, and the last one there? */
  verify(key: Uint8Array): Promise<Verification> {
    return verifyFile(this.#path, key, this.#size > 0 ? [this.#head] : [], this.#size);
  }

  /** Adds links, of which the first follows the head; they are on the disk when this resolves. */
  async append(links: readonly Link[]): Promise<void> {
    let { hash: previous } = this.#head;
    let text = '';
    for (const link of links) {
      text += formatLine(link, previous);
      previous = link.hash;
    }
    const bytes = Buffer.from(text);
    if (this.#torn) await this.#handle.truncate(this.#size);
    this.#torn = true;
    await this.#handle.appendFile(bytes);
    await this.#handle.datasync();
    this.#torn = false;
    this.#size += bytes.length;
    this.#head = links.at(-1) ?? this.#head;
  }

  /** Goes on in a new file of the same name, after somebody has moved the old one away. */
  async reopen(): Promise<void> {
    const { handle, size, last } = await openFile(this.#path);
    if (last && last.hash !== this.#head.hash) {
      await handle.close();
      throw new AuditFileError(`${this.#path} is not the file that was written until now, and not empty`);
    }
    await this.#handle.close();
    this.#handle = handle;
    this.#size = size;
    this.#torn = false;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function openFile(path: string): Promise<Opened> {
  const handle = await open(path, 'a+', 0o600);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new AuditFileError(`${path} must be a regular file`);
    const { size, line } = await lastLine(handle, stat.size);
    if (size < stat.size) await handle.truncate(size);
    const last = line === undefined ? undefined : parseLine(line);
    if (line !== undefined && !last)
      throw new AuditFileError(`${path} holds something else than an audit trail; choose another file`);
    return { handle, size, last };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The last complete line, read from the end, and how long the file is up to its end. */
async function lastLine(handle: FileHandle, size: number): Promise<{ size: number; line?: string }> {
  for (let length = Math.min(size, 65_536); length > 0; length = Math.min(size, length * 2)) {
    const { buffer } = await handle.read({ buffer: Buffer.alloc(length), position: size - length });
    const end = buffer.lastIndexOf(10);
    const start = end <= 0 ? -1 : buffer.lastIndexOf(10, end - 1);
    if (start >= 0 || length === size) {
      if (end < 0) return { size: 0 };
      return { size: size - length + end + 1, line: buffer.subarray(start + 1, end).toString() };
    }
  }
  return { size: 0 };
}
