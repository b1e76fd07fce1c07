/** Many delegates as large customers have them, the same ones for the same seed; and tasks for them. */
import { type Link, linkId } from '../../control-plane/dispatch/link.ts';
import type { Scope } from '../../control-plane/domain/scope.ts';
import { tagSet } from '../../control-plane/domain/selectors.ts';

const regions: Readonly<Record<string, readonly string[]>> = {
  aws: ['eu-west-1', 'eu-central-1', 'us-east-1', 'us-west-2', 'ap-south-1'],
  gcp: ['europe-west4', 'us-central1', 'asia-east1'],
  azure: ['westeurope', 'northeurope', 'eastus'],
  onprem: ['dc-berlin', 'dc-austin'],
};
const environments = ['prod', 'prod', 'prod', 'staging', 'dev'];

/** Numbers from 0 to 1 that look like chance (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function oneOf<Item>(items: readonly Item[], random: () => number): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('one of nothing');
  return item;
}

/** A delegate whose load may be set, and that runs nothing. */
export interface FleetLink extends Link {
  running: number;
  draining: boolean;
}

/** Number `index` of a fleet: three instances share a name; most serve the account. */
export function fleetLink(index: number, random: () => number): FleetLink {
  const cloud = oneOf(Object.keys(regions), random);
  const tags = [
    cloud,
    oneOf(regions[cloud] ?? [], random),
    oneOf(environments, random),
    `team-${Math.floor(random() * 200)}`,
    oneOf(['linux', 'linux', 'windows'], random),
    ...(random() < 0.05 ? ['Canary'] : []),
    ...(random() < 0.3 ? ['vault-net'] : []),
  ];
  const name = `delegate-${Math.floor(index / 3)}`;
  const hostName = `node-${index}.example`;
  const capacity = 50;
  return {
    id: linkId(name, `instance-${index}`),
    instance: `instance-${index}`,
    name,
    scope: fleetScope(random),
    hostName,
    agentVersion: '0',
    tags,
    tagSet: tagSet({ name, hostName, tags }),
    capacity,
    targets: ['host'],
    shells: random() < 0.98 ? ['bash'] : [],
    features: ['pick'],
    publicKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
    connectedAt: '2024-05-06T07:08:09.000Z',
    lastHeartbeatAt: '2024-05-06T07:08:19.000Z',
    draining: random() < 0.02,
    running: Math.floor(random() * (capacity + 1)),
    forget() {},
    start() {
      throw new Error('it runs nothing');
    },
  };
}

function fleetScope(random: () => number): Scope {
  const kind = random();
  const org: Scope = `org/o${Math.floor(random() * 20)}`;
  if (kind < 0.6) return 'account';
  return kind < 0.9 ? org : `${org}/p${Math.floor(random() * 5)}`;
}

/** Selectors as connectors have them, with what each kind is called. */
export const someSelectors: readonly {
  readonly what: string;
  readonly texts: readonly string[];
  readonly syntax?: 'expression';
}[] = [
  { what: 'three tags', texts: ['aws', 'EU-west-1', 'prod'] },
  { what: 'one common tag', texts: ['prod'] },
  { what: 'a name', texts: ['delegate-1234'] },
  { what: 'none', texts: [] },
  { what: 'an expression', texts: ['aws & (eu-west-1 | eu-central-1) & !canary'], syntax: 'expression' },
  { what: 'only an exclusion', texts: ['!canary'], syntax: 'expression' },
  { what: 'nobody has it', texts: ['aws', 'moon-base'] },
];
