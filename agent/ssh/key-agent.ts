/**
 * An ssh-agent for the system's ssh, with one key and its certificate. So the key is on no disk, needs no
 * passphrase a second time, and is gone with this process.
 */
import { connect, createServer } from 'node:net';
import { HostError } from './connection.ts';
import { integer, type PrivateKey, string } from './private-key.ts';

const requestIdentities = 11;
const identitiesAnswer = 12;
const signRequest = 13;
const signResponse = 14;
const failure = 5;
/** Flags of a request to sign, for RSA. */
const rsaSha256 = 2;
const rsaSha512 = 4;
/** No request of ssh's is longer. */
const mostBytes = 262_144;

export interface KeyAgent {
  readonly close: () => void;
}

/** Serves a key on a socket, which should be in a folder that nobody else can enter. */
export async function serveKey(
  path: string,
  key: PrivateKey,
  certificate: string | undefined,
): Promise<KeyAgent> {
  const blobs = [
    ...(certificate ? [Buffer.from(certificate.split(' ')[1] ?? '', 'base64')] : []),
    key.publicKey,
  ];
  const server = createServer(socket => {
    const read = messages(
      message => socket.write(string(answer(message, key, blobs))),
      () => socket.destroy(),
    );
    socket.on('data', read);
    // ssh goes when it has what it wants.
    socket.on('error', () => {});
  });
  server.listen(path);
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  return {
    close: () => {
      server.close();
    },
  };
}

/** Calls `take` for each whole message of a stream, without its length. */
function messages(take: (message: Buffer) => void, tooLong: () => void): (chunk: Buffer) => void {
  let buffer = Buffer.alloc(0);
  return chunk => {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 4) {
      const length = buffer.readUInt32BE(0);
      if (length > mostBytes) return tooLong();
      if (buffer.length < 4 + length) return;
      take(buffer.subarray(4, 4 + length));
      buffer = buffer.subarray(4 + length);
    }
  };
}

function answer(message: Buffer, key: PrivateKey, blobs: readonly Buffer[]): Buffer {
  const refused = Buffer.of(failure);
  if (message[0] === requestIdentities) {
    const identities = blobs.flatMap(blob => [string(blob), string('legate')]);
    return Buffer.concat([Buffer.of(identitiesAnswer), number(blobs.length), ...identities]);
  }
  if (message[0] !== signRequest) return refused;
  const [blob, data] = stringsOf(message.subarray(1), 2);
  if (!blob || !data || !blobs.some(known => known.equals(blob))) return refused;
  const at = 1 + 4 + blob.length + 4 + data.length;
  const flags = message.length >= at + 4 ? message.readUInt32BE(at) : 0;
  const signed = signature(key, data, flags);
  return signed ? Buffer.concat([Buffer.of(signResponse), string(signed)]) : refused;
}

function signature(key: PrivateKey, data: Buffer, flags: number): Buffer | undefined {
  if (key.type === 'ssh-rsa') {
    // Without a flag it would be SHA-1.
    const hash = flags & rsaSha512 ? 'sha512' : flags & rsaSha256 ? 'sha256' : undefined;
    if (!hash) return undefined;
    return Buffer.concat([string(`rsa-sha2-${hash.slice(3)}`), string(key.sign(data, hash))]);
  }
  const bytes = key.sign(data, 'sha512');
  const content = key.type === 'ssh-ed25519' ? bytes : Buffer.concat(integersOf(bytes).map(integer));
  return Buffer.concat([string(key.type), string(content)]);
}

/** The numbers of a DER sequence of them. */
function integersOf(der: Buffer): Buffer[] {
  // A length of more than 127 has a byte before it that says so.
  let at = der[1] === 0x81 ? 3 : 2;
  const found: Buffer[] = [];
  while (at < der.length) {
    const length = der[at + 1] ?? 0;
    found.push(der.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The first `count` strings of a message; fewer when it is shorter. */
function stringsOf(message: Buffer, count: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (found.length < count && at + 4 <= message.length) {
    const length = message.readUInt32BE(at);
    if (at + 4 + length > message.length) break;
    found.push(message.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** Does an ssh-agent hold a certificate? Throws a `HostError` when nobody answers at the socket. */
export function holdsCertificate(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (why: string) => {
      socket.destroy();
      reject(new HostError('host-authentication-failed', `the ssh-agent at ${path} ${why}`));
    };
    socket.setTimeout(5_000, () => fail('does not answer'));
    socket.on('error', error =>
      fail(`cannot be used (${'code' in error ? String(error.code) : 'unknown error'})`),
    );
    socket.on('end', () => fail('closed the connection'));
    const read = messages(
      message => {
        socket.destroy();
        const strings = message[0] === identitiesAnswer ? stringsOf(message.subarray(5), 2_000) : [];
        resolve(
          strings.some((blob, at) => at % 2 === 0 && stringsOf(blob, 1)[0]?.includes('-cert-v01@') === true),
        );
      },
      () => fail('gave an answer without an end'),
    );
    socket.on('data', read);
    socket.write(string(Buffer.of(requestIdentities)));
  });
}
