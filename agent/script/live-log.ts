/** A script's error output while it runs: whole lines, masked with what is known by then. */
import { StringDecoder } from 'node:string_decoder';
import { type Clock, limits } from '../../protocol/index.ts';
import type { FindMatches } from './custom-patterns.ts';
import { lastLines } from './last-lines.ts';
import { type Redact, redactor, undecidedEnd } from './redact.ts';

export interface LiveLogOptions {
  /** What must not be read in it, as far as that is known before the script ends. */
  readonly secrets: readonly string[];
  /** What else must not. */
  readonly patterns?: FindMatches | undefined;
  readonly clock: Clock;
  /** Sends a text of at most `limits.log` characters. Resolves when the next one may follow. */
  readonly send: (text: string) => Promise<void>;
}

export interface LiveLog {
  /** Takes what the script has written. */
  readonly write: (chunk: Uint8Array) => void;
  /** Sends no more, and says what was not sent: masked by who knows everything by now. */
  readonly end: (redact: Redact) => string;
}

/** Lines that come within this time go as one. */
const pauseMs = 200;
/** After so many messages the pause doubles: what is sent while a script runs for an hour stays within a limit. */
const messagesPerPause = 5;
/** The control plane takes 64 messages of an attempt; the end of the log needs some of them. */
const mostMessages = 56;
const mostAtEnd = 4 * limits.log;
/** Characters that wait for being sent; of a script that writes faster, the last lines count. */
const mostPending = 65_536;
/** Room for the line that says how much was left out. */
const noteLength = 64;
/** Characters of what was sent that the masking of the next lines looks back at. */
const lookBack = 256;

export function liveLog({ secrets, patterns, clock, send }: LiveLogOptions): LiveLog {
  const redact = redactor(secrets, patterns);
  const undecided = undecidedEnd(secrets);
  const decoder = new StringDecoder('utf8');
  let before = '';
  let pending = '';
  let leftOut = 0;
  let sent = 0;
  let sending = false;
  let ended = false;
  /** The rest of a line whose beginning was left out: half a line might hold half a secret. */
  let inLostLine = false;
  let stopTimer: (() => void) | undefined;

  function take(text: string): void {
    pending += text;
    if (inLostLine) leaveOut(pending.indexOf('\n'));
    if (pending.length > mostPending) leaveOut(pending.indexOf('\n', pending.length - mostPending));
  }

  /** Forgets what waits up to this end of a line, or all of it where the line has not ended yet. */
  function leaveOut(lineEnd: number): void {
    inLostLine = lineEnd < 0;
    const rest = inLostLine ? '' : pending.slice(lineEnd + 1);
    leftOut += pending.length - rest.length;
    pending = rest;
    before = '';
  }

  function arm(): void {
    if (stopTimer || sending || ended || sent >= mostMessages || !pending.includes('\n')) return;
    stopTimer = clock.after(pauseMs * 2 ** Math.floor(sent / messagesPerPause), flush);
  }

  function flush(): void {
    stopTimer = undefined;
    const text = before + pending.slice(0, pending.lastIndexOf('\n') + 1);
    const end = text.lastIndexOf('\n', undecided(text) - 1) + 1;
    if (end <= before.length) return;
    const masked = shorten(redact(text.slice(0, end), before.length), limits.log);
    pending = pending.slice(end - before.length);
    before = text.slice(0, end).slice(-lookBack);
    sent += 1;
    sending = true;
    void send(masked).finally(() => {
      sending = false;
      arm();
    });
  }

  /** The last lines of what was masked, and how much there was before them. */
  function shorten(masked: string, most: number): string {
    const kept =
      masked.length + (leftOut > 0 ? noteLength : 0) <= most ? masked : lastLines(masked, most - noteLength);
    leftOut += masked.length - kept.length;
    const note = leftOut > 0 ? `[${leftOut} characters were left out here]\n` : '';
    leftOut = 0;
    return note + kept;
  }

  return {
    write(chunk) {
      take(decoder.write(Buffer.from(chunk)));
      arm();
    },
    end(redactAll) {
      ended = true;
      stopTimer?.();
      take(decoder.end());
      return shorten(redactAll(before + pending, before.length), mostAtEnd);
    },
  };
}
