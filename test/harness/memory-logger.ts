/** A logger that keeps what it was told, at every level. */
import { pino } from 'pino';
import type { Logger } from '../../agent/logger.ts';

export interface MemoryLogger {
  readonly logger: Logger;
  /** All of it, as it would stand in the log. */
  text(): string;
  /** The messages, in order. */
  messages(): string[];
}

export function memoryLogger(): MemoryLogger {
  const lines: string[] = [];
  const logger = pino({ level: 'trace', base: null }, { write: (line: string) => lines.push(line) });
  return {
    logger,
    text: () => lines.join(''),
    messages: () =>
      lines.map(line => {
        const entry: { msg?: string } = JSON.parse(line);
        return entry.msg ?? '';
      }),
  };
}
