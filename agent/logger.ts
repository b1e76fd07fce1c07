import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/**
 * The agent's log: JSON lines on standard output, human-readable on a terminal. What is logged at any level
 * never holds a value, an input, a program or the token; nothing here is a substitute for that.
 */
export function createLogger(level: string, bindings: Record<string, string>): Logger {
  const options = { level, base: bindings, redact: ['token', '*.token', 'headers', '*.headers'] };
  // Synchronous on purpose: the last lines before an exit are the ones somebody will look for.
  return process.stdout.isTTY
    ? pino(
        options,
        pretty({ colorize: true, sync: true, ignore: 'delegate,instance', translateTime: 'HH:MM:ss' }),
      )
    : pino(options, pino.destination({ dest: 1, sync: true }));
}
