/** A name server that knows one name, and fails when a test asks for it. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export type Answering = 'well' | 'with a failure' | 'not at all';

export interface NameServer extends AsyncDisposable {
  readonly address: string;
  answer(how: Answering): void;
}

/** Serves any name as 127.0.0.1, on a loopback address of its own. Needs the right to use port 53. */
export async function nameServer(): Promise<NameServer> {
  const part = () => 1 + Math.floor(Math.random() * 250);
  const address = `127.${part()}.${part()}.${part()}`;
  const socket = createSocket('udp4');
  let how: Answering = 'well';
  socket.on('message', (query, from) => {
    if (how === 'not at all') return;
    socket.send(how === 'well' ? answerTo(query) : failureFor(query), from.port, from.address);
  });
  socket.bind(53, address);
  await once(socket, 'listening');
  return {
    address,
    answer(next) {
      how = next;
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>(resolve => socket.close(() => resolve()));
    },
  };
}

const headerLength = 12;
const typeA = 1;

/** The question of a query: labels up to an empty one, a type and a class. */
function questionOf(query: Buffer): Buffer {
  let end = headerLength;
  while ((query[end] ?? 0) > 0) end += 1 + (query[end] ?? 0);
  return query.subarray(headerLength, end + 5);
}

function reply(query: Buffer, flags: number, answers: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(headerLength);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, questionOf(query), ...answers]);
}

const failureFor = (query: Buffer) => reply(query, 0x8182, []);

function answerTo(query: Buffer): Buffer {
  const question = questionOf(query);
  const isForAddress = question.readUInt16BE(question.length - 4) === typeA;
  // Name by reference, type A, class IN, no time to live, four bytes.
  const answer = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
  return reply(query, 0x8180, isForAddress ? [answer] : []);
}
