/** `legate delegate show`, `drain` and `undrain`: one delegate, all of its instances. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Client, Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { readDuration } from './durations.ts';
import type { Output } from './fetch.ts';
import { list, objects, text } from './json.ts';
import { pathOf } from './place.ts';
import { printable } from './printable.ts';
import { UsageError } from './settings.ts';
import { table } from './table.ts';

/** How often it is asked whether something still runs. */
const lookEveryMs = 500;
const stillRuns = 1;

export function delegateCommands({ client, output }: CommandContext): Command[] {
  const drain = new Command('drain')
    .description('give a delegate no more tasks, also instances that come later; what runs is finished')
    .argument('<name>', 'name of the delegate')
    .option('--wait <duration>', 'wait until nothing runs there, at most so long, as in 10m')
    .option('--undo', 'give it tasks again')
    .action(async (name: string, { wait, undo }: { wait?: string; undo?: boolean }) => {
      if (undo === true && wait !== undefined) throw new UsageError('--wait makes no sense with --undo');
      if (undo === true) return undrain(client(), name, output);
      const waitMs = wait === undefined ? 0 : readDuration('--wait', wait);
      process.exitCode = await drainDelegate(client(), name, waitMs, output);
    });
  return [
    new Command('show')
      .description('show a delegate: its instances, versions and load, what failed there lately')
      .argument('<name>', 'name of the delegate')
      .option('--json', 'as JSON')
      .action(async (name: string, { json }: { json?: boolean }) => {
        const found = await client().get(pathOf('delegates', name));
        output.out(json === true ? `${JSON.stringify(found, null, 2)}\n` : describe(found));
      }),
    drain,
    new Command('undrain')
      .description('give a delegate tasks again')
      .argument('<name>', 'name of the delegate')
      .action((name: string) => undrain(client(), name, output)),
  ];
}

/** 0, or 1 where something still runs when patience is over. */
export async function drainDelegate(
  client: Client,
  name: string,
  waitMs: number,
  output: Output,
): Promise<number> {
  const until = performance.now() + waitMs;
  let found = await client.post(pathOf('delegates', name, '/drain'), {});
  while (found.running !== 0 && performance.now() < until) {
    await sleep(Math.min(lookEveryMs, Math.max(1, until - performance.now())));
    found = await client.get(pathOf('delegates', name));
  }
  output.err(`${printable(name)} gets no more tasks; ${text(found.running)} running.`);
  if (waitMs === 0 || found.running === 0) return 0;
  output.err('They go on; --wait is over.');
  return stillRuns;
}

async function undrain(client: Client, name: string, output: Output): Promise<void> {
  const found = await client.post(pathOf('delegates', name, '/undrain'), {});
  const { length } = objects(found.instances);
  output.err(
    `${printable(name)} gets tasks again; ${length} ${length === 1 ? 'instance' : 'instances'} connected.`,
  );
}

/** For people: facts, then what there is of instances and failures. */
export function describe(found: Json): string {
  const drained = text(found.drainedAt);
  const waits = found.status === 'WAITING_FOR_APPROVAL' ? ', waiting for approval' : '';
  const deleted = found.status === 'DELETED' ? ', deleted' : '';
  const by = drained ? `, drained by an operator at ${drained}` : '';
  const left = text(found.lastDisconnectedAt);
  const facts = [
    ['NAME', found.name],
    ['STATE', `${text(found.state)}${waits}${deleted}${by}`],
    ['SCOPE', found.scope],
    ['TAGS', list(found.tags)],
    ['LOAD', `${text(found.running)} of ${text(found.capacity)}`],
    [
      'VERSIONS',
      `${list(found.versions).map(text).join(', ')} (control plane: ${text(found.serverVersion)})`,
    ],
    ['FIRST CONNECTED', found.firstConnectedAt],
    ['LAST CONNECTED', found.lastConnectedAt],
    ...(left ? [['LAST DISCONNECTED', left]] : []),
  ];
  const instances = objects(found.instances).map(item => [
    item.instance,
    item.state,
    item.hostName,
    [text(item.agentVersion), text(item.versionNote)].filter(Boolean).join(', '),
    item.connectedAt,
    item.lastHeartbeatAt,
    `${text(item.running)} of ${text(item.capacity)}`,
  ]);
  const failures = objects(found.failures).map(({ at, reason, connector, instance, task }) => [
    at,
    reason,
    connector,
    instance,
    task,
  ]);
  const passedOver = objects(found.passedOver).map(({ connector, instance, reason, remainingMs, trying }) => [
    connector,
    instance,
    reason,
    trying === true ? 'being tried again' : `${Math.ceil(Number(remainingMs) / 1_000)} s`,
  ]);
  return [
    table(['FIELD', 'VALUE'], facts),
    part(['INSTANCE', 'STATE', 'HOST', 'VERSION', 'CONNECTED', 'LAST HEARTBEAT', 'LOAD'], instances),
    part(['FAILED AT', 'REASON', 'CONNECTOR', 'INSTANCE', 'TASK'], failures),
    part(['PASSED OVER FOR', 'INSTANCE', 'REASON', 'FOR'], passedOver),
  ].join('');
}

const part = (heading: readonly string[], rows: readonly (readonly unknown[])[]) =>
  rows.length === 0 ? '' : `\n${table(heading, rows)}`;
