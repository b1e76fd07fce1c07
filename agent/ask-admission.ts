/** Asks over an open channel whether the control plane would have us, and ends the channel. */
import {
  agentCodec,
  type Channel,
  type Clock,
  closeCode,
  frameText,
  type Hello,
  type ToDelegate,
} from '../protocol/index.ts';

/** Its first message; or how the channel was closed instead, with 1006 where there was no answer at all. */
export type AdmissionAnswer = ToDelegate | { readonly code: number; readonly reason: string };

const codec = agentCodec();
const answerWithinMs = 15_000;

/** Never rejects; `signal` ends the asking. Another delegate of this instance is not disturbed. */
export async function askAdmission(
  socket: Channel,
  hello: Hello,
  clock: Clock,
  signal: AbortSignal,
): Promise<AdmissionAnswer> {
  const answered = new Promise<AdmissionAnswer>(resolve => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.once('message', data => {
      try {
        const parsed = codec.parse(frameText(data));
        if (parsed.known) return resolve(parsed.message);
      } catch {
        // Told below: what it said is not for us to guess.
      }
      resolve({ code: closeCode.protocolError, reason: '' });
    });
  });
  const giveUp = () => socket.terminate();
  const stop = clock.after(answerWithinMs, giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  socket.send(codec.stringify({ ...hello, check: true }));
  const answer = await answered;
  stop();
  signal.removeEventListener('abort', giveUp);
  socket.terminate();
  return answer;
}
