import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { relay } from './relay.ts';

test('who comes when the stream has broken is not kept waiting', async () => {
  const stream = new PassThrough();
  const road = await relay(stream);
  try {
    stream.destroy(new Error('reset'));
    const socket = connect({ host: '127.0.0.1', port: road.port });
    socket.on('error', () => {});
    await once(socket, 'close');
  } finally {
    road.close();
  }
});
