import type { DispatchEvent } from '../../control-plane/dispatch/dispatcher.ts';
import { type PublicKey, sealValue } from '../../protocol/index.ts';

const id = { task: 'some-task', attempt: 1 };

/** A fetch that works, its value sealed to the key that came with the request. */
export async function* delivered(
  value: Uint8Array | string,
  recipient: PublicKey,
): AsyncGenerator<DispatchEvent, void, void> {
  yield { event: 'accepted', ...id, delegate: 'edge' };
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  for await (const chunk of sealValue(bytes, recipient, id)) yield { event: 'value', ...id, ...chunk };
  yield { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 };
}
