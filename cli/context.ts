/** What a command gets from the program around it. */
import type { Client, Json } from './client.ts';
import type { Output } from './fetch.ts';

export interface CommandContext {
  /** Made when a command needs it: some settings may be wrong without a matter. */
  readonly client: () => Client & { delete(path: string): Promise<Json> };
  readonly output: Output;
}
