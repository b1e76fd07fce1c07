/** Is the trail what was written? Anybody with the key can tell, of the store or of a file. */
import { createReadStream } from 'node:fs';
import { recordsAfter } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { ChainWalk, emptyHead, type Fault, type Head, type Link } from './chain.ts';
import { parseLine } from './file-line.ts';

export interface Verification {
  readonly ok: boolean;
  /** How many records are right, up to the first that is not. */
  readonly count: number;
  /** The last right one: note it somewhere else, and ask later whether it is still there. */
  readonly head: Head;
  readonly fault?: Fault;
}

const batchSize = 1_000;

/** Walks the whole trail of the store. `anchors`: heads that were seen before and must still be there. */
export async function verifyStore(
  database: Database,
  key: Uint8Array,
  anchors: readonly Head[] = [],
): Promise<Verification> {
  const walk = new ChainWalk(key, emptyHead, anchors);
  for (;;) {
    const links = await recordsAfter(database, walk.head.seq, batchSize);
    for (const link of links) {
      const fault = walk.step(link);
      if (fault) return broken(walk, fault);
    }
    if (links.length < batchSize) return concluded(walk);
  }
}

/** Walks a file of JSON lines, which may begin anywhere in the trail; of one that grows, its first `size` bytes. */
export async function verifyFile(
  path: string,
  key: Uint8Array,
  anchors: readonly Head[] = [],
  size = Infinity,
): Promise<Verification> {
  let walk: ChainWalk | undefined;
  for await (const text of linesOf(path, size)) {
    const line = parseLine(text);
    // The first line's word for what came before is as good as its hash, which covers it.
    const start = line && line.seq > 1 ? { seq: line.seq - 1, hash: line.previous } : emptyHead;
    walk ??= new ChainWalk(key, start, anchors);
    const fault = line ? (previousFault(walk, line) ?? walk.step(line)) : unreadable(walk);
    if (fault) return broken(walk, fault);
  }
  return concluded(walk ?? new ChainWalk(key, emptyHead, anchors));
}

/** Not readline's: that one ends a line at U+2028 too, which JSON leaves as it is. */
async function* linesOf(path: string, size: number): AsyncGenerator<string> {
  if (size === 0) return;
  let rest = '';
  for await (const piece of createReadStream(path, { encoding: 'utf8', end: size - 1 })) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function previousFault(walk: ChainWalk, line: Link & { previous: string }): Fault | undefined {
  // Where a line is missing, that is what to say.
  if (line.seq !== walk.head.seq + 1 || line.previous === walk.head.hash) return undefined;
  return { seq: line.seq, reason: 'the line names another hash before it than that of the line before' };
}

const unreadable = ({ head }: ChainWalk): Fault => ({
  seq: head.seq + 1,
  reason: 'the line is no record of an audit trail',
});

function concluded(walk: ChainWalk): Verification {
  const fault = walk.end();
  return fault ? broken(walk, fault) : { ok: true, count: walk.count, head: walk.head };
}

const broken = ({ count, head }: ChainWalk, fault: Fault): Verification => ({
  ok: false,
  count,
  head,
  fault,
});
