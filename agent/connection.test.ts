import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { type Channel, closeCode, delegatePath, subprotocol } from '../protocol/index.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { eventually } from '../test/harness/local-runner.ts';
import { memoryLogger } from '../test/harness/memory-logger.ts';
import { type Refuse, startScriptedControlPlane } from '../test/harness/scripted-control-plane.ts';
import { backoff, backoffMs, type ConnectionOptions, connections, FatalCloseError } from './connection.ts';
import { givenToken } from './token-source.ts';

const token = 'the-token-of-this-test';

/** The loop against a scripted control plane; whoever iterates does nothing but wait for the close. */
async function openLoop(options: Partial<ConnectionOptions> & { refuse?: Refuse } = {}) {
  const server = await startScriptedControlPlane(options.refuse);
  const clock = new FakeClock();
  const log = memoryLogger();
  const over = new AbortController();
  const sockets: Channel[] = [];
  const loop = connections({
    url: server.url,
    tokens: givenToken(token),
    clock,
    logger: log.logger,
    random: () => 0.5,
    signal: over.signal,
    ...options,
  });
  const ended = (async () => {
    for await (const socket of loop) {
      sockets.push(socket);
      await new Promise(resolve => socket.once('close', resolve));
    }
  })();
  // Looked at by the tests that expect it; in the others it ends with the test.
  ended.catch(() => {});
  return {
    server,
    clock,
    log,
    sockets,
    ended,
    stop: () => over.abort(),
    /** Waits until the loop pauses, and says for how long. */
    async pause(): Promise<number> {
      await eventually('the loop pauses', () => clock.pending().length > 0);
      return clock.pending()[0] ?? 0;
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      for (const socket of sockets) socket.terminate();
      await ended.catch(() => {});
      clock.assertNoTimers();
      await server[Symbol.asyncDispose]();
      assert.ok(!log.text().includes(token), 'the token is in no log');
    },
  };
}

describe('the pause before trying again', () => {
  test('is a random part of a bound that doubles up to a quarter of a minute', () => {
    for (let failures = 0; failures < 2_000; failures += 1) {
      const bound = Math.min(backoff.mostMs, backoff.firstMs * 2 ** failures);
      assert.equal(
        backoffMs(failures, () => 0),
        0,
      );
      assert.equal(
        backoffMs(failures, () => 0.5),
        bound / 2,
      );
      assert.ok(backoffMs(failures, () => 0.999_999) <= bound);
    }
  });

  test('grows while nothing answers, so that there is no hot loop', async () => {
    await using loop = await openLoop({ refuse: (_, socket) => Boolean(socket.destroy()) });
    const pauses: number[] = [];
    for (let failure = 0; failure < 9; failure += 1) {
      const pauseMs = await loop.pause();
      assert.equal(loop.server.tries(), failure + 1, 'it does not try before the pause is over');
      pauses.push(pauseMs);
      await loop.clock.advance(pauseMs);
    }
    assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 7_500, 7_500, 7_500, 7_500]);
  });

  test('grows also when each connection is closed right after it was opened', async () => {
    await using loop = await openLoop();
    for (const pauseMs of [250, 500, 1_000]) {
      (await loop.server.connection()).socket.close(closeCode.goingAway);
      assert.equal(await loop.pause(), pauseMs);
      await loop.clock.advance(pauseMs);
    }
    (await loop.server.connection()).socket.terminate();
  });

  test('begins anew after a connection that lived for a while', async () => {
    await using loop = await openLoop();
    for (const [livedMs, pauseMs] of [
      [0, 250],
      [4_999, 500],
      [5_000, 250],
      [0, 500],
    ] as const) {
      const { socket } = await loop.server.connection();
      await eventually('the agent knows that it is open', () => loop.sockets.at(-1)?.readyState === 1);
      await loop.clock.advance(livedMs);
      socket.close(closeCode.goingAway);
      assert.equal(await loop.pause(), pauseMs);
      await loop.clock.advance(pauseMs);
    }
    (await loop.server.connection()).socket.terminate();
  });
});

describe('a close that names a delay', () => {
  test('is followed by a try after that delay and a little more, however often it is said', async () => {
    await using loop = await openLoop();
    for (const [reason, pauseMs] of [
      ['come back in 1234 ms', 1_484],
      ['come back in 5 ms', 255],
      ['come back in 999999999 ms', 60_250],
    ] as const) {
      (await loop.server.connection()).socket.close(closeCode.comeBackLater, reason);
      assert.equal(await loop.pause(), pauseMs);
      await loop.clock.advance(pauseMs);
    }
    (await loop.server.connection()).socket.terminate();
    assert.equal(await loop.pause(), 250, 'it was no failure');
  });

  test('counts only with its code and in its form', async () => {
    await using loop = await openLoop();
    for (const [code, reason, pauseMs] of [
      [closeCode.goingAway, 'come back in 1234 ms', 250],
      [closeCode.comeBackLater, 'come back in -5 ms', 500],
      [closeCode.comeBackLater, '', 1_000],
    ] as const) {
      (await loop.server.connection()).socket.close(code, reason);
      assert.equal(await loop.pause(), pauseMs);
      await loop.clock.advance(pauseMs);
    }
    (await loop.server.connection()).socket.terminate();
  });
});

test('it connects below the path of its address, with its token and the subprotocol', async () => {
  for (const [path, expected] of [
    ['/', delegatePath],
    ['/legate', `/legate${delegatePath}`],
    ['/a/b/', `/a/b${delegatePath}`],
  ] as const) {
    await using server = await startScriptedControlPlane();
    await using _loop = await openLoop({ url: new URL(path, server.url) });
    const { request } = await server.connection();
    assert.equal(request.url, expected);
    assert.equal(request.headers.authorization, `Bearer ${token}`);
    assert.equal(request.headers['sec-websocket-protocol'], subprotocol);
    assert.equal(request.headers['sec-websocket-extensions'], undefined, 'nothing secret is compressed');
  }
});

/** An address where nobody listens any more. */
async function startAndStop(): Promise<{ url: URL }> {
  const server = await startScriptedControlPlane();
  await server[Symbol.asyncDispose]();
  return { url: server.url };
}

describe('a close that trying again cannot mend ends the loop', () => {
  for (const [code, exitCode, explanation] of [
    [closeCode.badToken, 3, /token/],
    [closeCode.nameRefused, 4, /name/],
    [closeCode.unsupportedProtocol, 5, /protocol version/],
    [closeCode.tokenExpired, 6, /has ended/],
    [closeCode.tokenRevoked, 7, /was revoked/],
    [closeCode.tagRefused, 8, /tag/],
    [closeCode.addressRefused, 9, /address/],
  ] as const) {
    test(`${code}, with exit code ${exitCode}`, async () => {
      await using loop = await openLoop();
      (await loop.server.connection()).socket.close(code, 'as it says');
      await assert.rejects(loop.ended, (error: unknown) => {
        assert.ok(error instanceof FatalCloseError);
        assert.equal(error.exitCode, exitCode);
        assert.match(error.message, explanation);
        assert.match(error.message, /^[^\n]* \(as it says\)$/);
        return true;
      });
      assert.equal(loop.server.tries(), 1);
    });
  }

  test('also when it comes together with the answer that opened the socket', async () => {
    // The close frame stands in the same packet as the end of the handshake.
    await using loop = await openLoop({
      refuse(request, socket) {
        acceptAndClose(request.headers['sec-websocket-key'] ?? '', socket, closeCode.badToken);
        return true;
      },
    });
    await assert.rejects(loop.ended, { name: 'FatalCloseError', exitCode: 3 });
  });
});

function acceptAndClose(key: string, socket: Duplex, code: number): void {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const answer = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    '\r\n',
  ].join('\r\n');
  socket.end(Buffer.concat([Buffer.from(answer), Buffer.from([0x88, 0x02, code >> 8, code & 0xff])]));
}

describe('every other close is followed by another try', () => {
  const codes = [closeCode.normal, closeCode.goingAway, closeCode.internalError, closeCode.protocolError];
  for (const code of [...codes, closeCode.helloTimeout, closeCode.superseded, closeCode.nameTaken, 4_999])
    test(`${code}`, async () => {
      await using loop = await openLoop();
      (await loop.server.connection()).socket.close(code);
      await loop.clock.advance(await loop.pause());
      (await loop.server.connection()).socket.terminate();
      assert.deepEqual(loop.log.messages().slice(0, 1), ['connection closed']);
    });

  test('a socket that just breaks', async () => {
    await using loop = await openLoop();
    (await loop.server.connection()).socket.terminate();
    await loop.clock.advance(await loop.pause());
    (await loop.server.connection()).socket.terminate();
  });
});

const answer =
  (status: string): Refuse =>
  (_, socket) => {
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`);
    return true;
  };

describe('an answer that is no websocket is logged, and followed by another try', () => {
  const refusals: [what: string, refuse: Refuse, problem: RegExp][] = [
    ['401', answer('401 Unauthorized'), /Unexpected server response: 401/],
    ['404', answer('404 Not Found'), /404/],
    ['502', answer('502 Bad Gateway'), /502/],
    ['a redirect, which is not followed', answer('302 Found\r\nLocation: /elsewhere'), /302/],
    ['nonsense', (_, socket) => Boolean(socket.end('SSH-2.0-OpenSSH\r\n\r\n')), /Parse Error/],
    ['a connection that breaks', (_, socket) => Boolean(socket.destroy()), /socket hang up/],
  ];
  for (const [what, refuse, problem] of refusals) {
    test(what, async () => {
      await using loop = await openLoop({ refuse });
      await loop.clock.advance(await loop.pause());
      await loop.pause();
      assert.equal(loop.server.tries(), 2);
      assert.match(loop.log.text(), problem);
    });
  }

  test('nobody listening', async () => {
    await using loop = await openLoop(await startAndStop());
    await loop.clock.advance(await loop.pause());
    await loop.pause();
    assert.match(loop.log.text(), /ECONNREFUSED/);
  });
});

describe('the loop ends without an error when it is told to', () => {
  test('while it pauses', async () => {
    await using loop = await openLoop(await startAndStop());
    await loop.pause();
    loop.stop();
    await loop.ended;
  });

  test('while it connects to somebody who does not answer', async () => {
    let connecting = false;
    await using loop = await openLoop({
      refuse() {
        connecting = true;
        return true;
      },
    });
    await eventually('it connects', () => connecting);
    loop.stop();
    await loop.ended;
    assert.deepEqual(loop.log.messages(), []);
  });

  test('before it began', async () => {
    await using loop = await openLoop({ signal: AbortSignal.abort() });
    await loop.ended;
    assert.equal(loop.server.tries(), 0);
  });

  test('when its socket closes after that', async () => {
    await using loop = await openLoop();
    const peer = await loop.server.connection();
    await eventually('the agent knows that it is open', () => loop.sockets.length === 1);
    loop.stop();
    peer.socket.close(closeCode.goingAway);
    await loop.ended;
  });
});

test('a socket whose owner fails is not left open', async () => {
  await using server = await startScriptedControlPlane();
  const { logger } = memoryLogger();
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const owner = async () => {
    for await (const _ of connections({ url: server.url, tokens: givenToken(token), clock, logger, signal }))
      throw new Error('owner');
  };
  await assert.rejects(owner(), /^Error: owner$/);
  assert.equal((await (await server.connection()).closed).code, 1006);
  clock.assertNoTimers();
});
