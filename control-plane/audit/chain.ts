/** The chain: each hash covers its record and, through the hash before it, all that came before. */
import { createHmac } from 'node:crypto';

/** What stands for the hash before the first record. */
export const genesis = '0'.repeat(64);

/** A record in the chain, as the store and a file have it. */
export interface Link {
  readonly seq: number;
  /** The text that was hashed. */
  readonly record: string;
  readonly hash: string;
}

export type Head = Pick<Link, 'seq' | 'hash'>;

export const emptyHead: Head = { seq: 0, hash: genesis };

export const headOf = (link: Head | undefined): Head =>
  link ? { seq: link.seq, hash: link.hash } : emptyHead;

/** HMAC-SHA256 over the hash before, as 64 hex digits, and the record's text as UTF-8; in hex. */
export function hashAfter(key: Uint8Array, previous: string, record: string): string {
  return createHmac('sha256', key).update(previous).update(record, 'utf8').digest('hex');
}

/** Why a chain is broken, and where first. */
export interface Fault {
  readonly seq: number;
  readonly reason: string;
}

/** Follows a chain link by link. */
export class ChainWalk {
  readonly #key: Uint8Array;
  readonly #anchors: readonly Head[];
  #head: Head;
  #count = 0;

  /**
   * `start`: the head before the first link. `anchors`: heads that were seen before, which the chain must still lead
   * through; without one, links that were taken away at the end leave no trace.
   */
  constructor(key: Uint8Array, start: Head, anchors: readonly Head[] = []) {
    this.#key = key;
    this.#head = start;
    this.#anchors = anchors;
  }

  get head(): Head {
    return this.#head;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes the next link, or says what is wrong with it. */
  step({ seq, record, hash }: Link): Fault | undefined {
    const expected = this.#head.seq + 1;
    if (seq !== expected)
      return { seq: expected, reason: `a gap: record ${seq} comes after ${this.#head.seq}` };
    if (seqOf(record) !== seq) return { seq, reason: 'the record says another number than its place' };
    if (hashAfter(this.#key, this.#head.hash, record) !== hash)
      return { seq, reason: 'the hash is not that of this record after the one before, with this key' };
    const anchor = this.#anchors.find(known => known.seq === seq);
    if (anchor && anchor.hash !== hash) return { seq, reason: 'another record was seen here before' };
    this.#head = { seq, hash };
    this.#count += 1;
    return undefined;
  }

  /** What is wrong with a chain that ends here. */
  end(): Fault | undefined {
    const lost = this.#anchors.find(({ seq }) => seq > this.#head.seq);
    return (
      lost && {
        seq: this.#head.seq + 1,
        reason: `records are missing at the end: record ${lost.seq} was seen before`,
      }
    );
  }
}

function seqOf(record: string): unknown {
  try {
    const data: unknown = JSON.parse(record);
    return typeof data === 'object' && data !== null && 'seq' in data ? data.seq : undefined;
  } catch {
    return undefined;
  }
}
