/** Whole fetches over HTTP: of a value that the delegate keeps, and with a run each; and what the agent takes at rest. */
import { residentMiB } from '../test/harness/idle-delegates.ts';
import { startWorld } from '../test/harness/world.ts';
import { percentile, row } from './figures.ts';

const atOnce = 8;
const lastsMs = 4_000;

await using world = await startWorld({ logLevel: 'info', args: ['--rate-limit', '0'] });
const agent = await world.connectedAgent({ args: ['--log-level', 'info'] });
const { secret } = await world.script('secret=v', { cacheTtl: 3_600 });

/** How long each fetch took, in milliseconds, when so many callers ask one after the other. */
async function fetched(body: object): Promise<number[]> {
  const took: number[] = [];
  const until = performance.now() + lastsMs;
  const caller = async () => {
    while (performance.now() < until) {
      const begun = performance.now();
      const text = await (await world.api('/fetch', body)).text();
      if (!text.includes('"event":"done"')) throw new Error(text);
      took.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return took;
}

process.stdout.write(`whole fetches, ${atOnce} callers, ms\n`);
process.stdout.write(row(['way', 'per second', 'p50', 'p99']));
const ways = { 'a kept value': { secret }, 'a run each': { secret, fresh: true } };
for (const [way, body] of Object.entries(ways)) {
  await fetched(body);
  const took = await fetched(body);
  const perSecond = (took.length / lastsMs) * 1_000;
  const figures = [percentile(took, 50), percentile(took, 99)].map(ms => ms.toFixed(2));
  process.stdout.write(row([way, perSecond.toFixed(0), ...figures]));
}
process.stdout.write(
  `the agent, from source, takes ${residentMiB(agent.pid).toFixed(0)} MiB after all of that\n`,
);
