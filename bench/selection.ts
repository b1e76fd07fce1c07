/** How long the choice of a delegate takes among 10,000, by the index and by looking at every one of them. */
import { Roster } from '../control-plane/dispatch/roster.ts';
import { choose } from '../control-plane/dispatch/select.ts';
import { readSelectors } from '../control-plane/domain/selectors.ts';
import { type FleetLink, fleetLink, oneOf, seeded, someSelectors } from '../test/harness/fleet.ts';
import { naiveChoice } from '../test/harness/naive-choice.ts';
import { percentile, row } from './figures.ts';

const delegates = 10_000;
const rounds = 3_000;
/** The scan takes so much longer that fewer rounds tell the same. */
const scanRounds = 300;
/** For the compiler; they do not count. */
const firstRounds = 200;

const random = seeded(1);
const roster = new Roster();
const fleet = Array.from({ length: delegates }, (_, index) => fleetLink(index, random));
for (const link of fleet) roster.add(link);
const tried = new Map();

/** Between choices tasks begin and end, and delegates come and go. */
function live(): void {
  for (let n = 0; n < 5; n++) {
    const link = oneOf(fleet, random);
    link.running = Math.floor(random() * (link.capacity + 1));
  }
  const index = Math.floor(random() * fleet.length);
  const old: FleetLink | undefined = fleet[index];
  if (!old) return;
  roster.remove(old, '');
  const fresh = fleetLink(index, random);
  fleet[index] = fresh;
  roster.add(fresh);
}

/** Milliseconds that each round took. One way after the other: the scan leaves much to the garbage collector. */
function timed(count: number, way: () => unknown): number[] {
  return Array.from({ length: firstRounds + count }, () => {
    live();
    const begun = performance.now();
    way();
    return performance.now() - begun;
  }).slice(firstRounds);
}

process.stdout.write(`choosing among ${delegates} delegates, ms\n`);
process.stdout.write(row(['selectors', 'index p50', 'index p99', 'scan p50', 'scan p99']));
let worst = 0;
for (const { what, texts, syntax } of someSelectors) {
  const demand = {
    owner: 'org/o1/p1',
    selectors: readSelectors(texts, syntax),
    shell: 'bash',
    route: what,
  } as const;
  const index = timed(rounds, () => choose(roster, demand, tried, random));
  const scan = timed(scanRounds, () => naiveChoice(roster, demand, tried, random));
  worst = Math.max(worst, percentile(index, 99));
  const figures = [percentile(index, 50), percentile(index, 99), percentile(scan, 50), percentile(scan, 99)];
  process.stdout.write(row([what, ...figures.map(ms => ms.toFixed(3))]));
}
process.stdout.write(`target: p99 at most 1 ms; the worst is ${worst.toFixed(3)} ms\n`);
