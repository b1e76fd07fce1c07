/** `legate secret get` and `legate connector test`. */
import {
  factsOf,
  generateSealingKeys,
  isFailureReason,
  openValue,
  type ValueOpener,
} from '../protocol/index.ts';
import { ApiError, type Client, type Json } from './client.ts';
import { object, text } from './json.ts';
import { printable } from './printable.ts';
import type { Place } from './settings.ts';

export interface Output {
  readonly out: (bytes: Uint8Array | string) => void;
  readonly err: (line: string) => void;
  readonly isTerminal: boolean;
}

export interface FetchOptions {
  readonly json: boolean;
  readonly logs: boolean;
  /** No value that was had, or is being had, for another fetch. */
  readonly fresh: boolean;
  readonly place: Place;
  /** On whose behalf: for secrets with a usage scope. */
  readonly application?: string | undefined;
  readonly environment?: string | undefined;
  /** How long a delegate is waited for where none fits. */
  readonly waitMs?: number | undefined;
}

/** Fetches a secret, sealed to a key that only this process holds, and writes it. Resolves with the exit code. */
export async function getSecret(
  client: Client,
  reference: string,
  { json, logs, fresh, place, application, environment, waitMs }: FetchOptions,
  { out, err, isTerminal }: Output,
  signal: AbortSignal,
): Promise<number> {
  const keys = await generateSealingKeys();
  const chunks: Uint8Array[] = [];
  let opener: ValueOpener | undefined;
  // What is undefined is not in the JSON.
  const request = {
    secret: reference,
    ...place,
    application,
    environment,
    publicKey: keys.publicKey,
    logs,
    ...(fresh ? { fresh } : {}),
    ...(waitMs === undefined ? {} : { waitMs }),
  };
  for await (const event of client.events('/fetch', request, signal)) {
    switch (event.event) {
      case 'log':
        writeLog(event, err);
        break;
      case 'value': {
        const { task, attempt, seq, final, sealed } = event;
        if (typeof task !== 'string' || typeof attempt !== 'number' || typeof seq !== 'number')
          throw malformed();
        if (typeof final !== 'boolean' || typeof sealed !== 'string') throw malformed();
        opener ??= openValue(keys, { task, attempt });
        chunks.push(await opener.open({ seq, final, sealed }));
        break;
      }
      case 'done': {
        if (!opener) throw malformed();
        opener.finish();
        const value = Buffer.concat(chunks);
        if (json) out(`${JSON.stringify({ ...facts(event), value: value.toString() })}\n`);
        else {
          // Exactly the value's bytes; the newline is for a person's prompt only.
          out(value);
          if (isTerminal) out('\n');
        }
        return 0;
      }
      case 'failed':
        for (const line of failureLines(event)) err(line);
        if (json) out(`${JSON.stringify(failureFacts(event))}\n`);
        return 1;
    }
  }
  throw new ApiError('the control plane ended the answer early; the fetch may not have been completed');
}

/** Runs a connector's script with its own inputs. Resolves with the exit code; the value never gets here. */
export function testConnector(
  client: Client,
  reference: string,
  place: Place,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  return testRun(
    client.events('/connectors/test', { connector: reference, ...place }, signal),
    reference,
    output,
  );
}

/** Runs a template version with inputs that are given here. As `testConnector`. */
export function testTemplate(
  client: Client,
  reference: string,
  request: Place & {
    readonly versionLabel?: string;
    readonly inputs: Readonly<Record<string, string>>;
    readonly delegateSelectors: readonly string[];
  },
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  return testRun(
    client.events('/templates/test', { template: reference, ...request }, signal),
    reference,
    output,
  );
}

/** Runs a secret's script, for whether there is a value. As `testConnector`. */
export function testSecret(
  client: Client,
  reference: string,
  place: Place,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  return testRun(client.events('/secrets/test', { secret: reference, ...place }, signal), reference, output);
}

async function testRun(
  events: AsyncIterable<Json>,
  reference: string,
  { out, err }: Output,
): Promise<number> {
  for await (const event of events) {
    if (event.event === 'log') writeLog(event, err);
    if (event.event === 'done') {
      out(
        `${reference} works: delegate ${text(event.delegate)} got a value in ${text(event.durationMs)} ms (it is not shown)\n`,
      );
      return 0;
    }
    if (event.event === 'failed') {
      for (const line of failureLines(event)) err(line);
      return 1;
    }
  }
  throw new ApiError('the control plane ended the answer early');
}

function writeLog(event: Json, err: (line: string) => void): void {
  for (const line of text(event.text).trimEnd().split('\n')) err(`  | ${printable(line)}`);
}

const facts = ({ task, attempt, delegate, durationMs, ageMs }: Json) => ({
  task,
  attempt,
  delegate,
  durationMs,
  ageMs,
});

function failureFacts({ task, attempt, delegate, failure, delegates, nearestMiss }: Json): object {
  return { task, attempt, delegate, failure, delegates, nearestMiss };
}

/** What a person reads: the reason, what it means, the facts of this case, and per delegate why not. */
function* failureLines({
  failure,
  delegate,
  delegates,
  delegatesLeftOut,
  nearestMiss,
  task,
}: Json): Generator<string> {
  const { reason, detail, exitCode, stderrTail } = object(failure);
  const known = typeof reason === 'string' && isFailureReason(reason);
  yield `${printable(text(reason))}: ${known ? factsOf(reason).explanation : 'a reason that this version does not know'}`;
  if (detail !== undefined) yield `  ${printable(text(detail))}`;
  if (exitCode !== undefined && !text(detail).includes('exit code')) yield `  exit code: ${text(exitCode)}`;
  if (delegate !== undefined) yield `  delegate: ${text(delegate)}, task: ${text(task)}`;
  if (typeof stderrTail === 'string') {
    yield "  end of the script's error output:";
    for (const line of stderrTail.trimEnd().split('\n')) yield `  | ${printable(line)}`;
  }
  if (!Array.isArray(delegates)) return;
  if (delegates.length === 0) yield '  no delegate has ever connected; start one with "legate agent"';
  for (const item of delegates) {
    const { delegate: name, instance, detail: why } = object(item);
    yield `  ${text(name)}${instance === undefined ? '' : ` (${text(instance)})`}: ${printable(text(why))}`;
  }
  if (delegatesLeftOut !== undefined) yield `  and ${text(delegatesLeftOut)} more`;
  if (nearestMiss !== undefined) yield `  nearest miss: ${printable(text(nearestMiss))}`;
}

const malformed = () => new ApiError('the answer has an event that is not as expected; compare the versions');
