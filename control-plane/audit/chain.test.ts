import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { ChainWalk, emptyHead, genesis, type Head, hashAfter, type Link } from './chain.ts';

const key = new Uint8Array(32).fill(7);

function chainOf(count: number): Link[] {
  const links: Link[] = [];
  for (let seq = 1; seq <= count; seq += 1) {
    const record = JSON.stringify({ action: `do ${seq}`, seq });
    links.push({ seq, record, hash: hashAfter(key, links.at(-1)?.hash ?? genesis, record) });
  }
  return links;
}

/** The first fault in these links; none: undefined. */
function faultOf(links: readonly Link[], anchors: readonly Head[] = [], usedKey = key) {
  const walk = new ChainWalk(usedKey, emptyHead, anchors);
  for (const link of links) {
    const fault = walk.step(link);
    if (fault) return fault;
  }
  return walk.end();
}

test('an untouched chain is right, and an empty one too', () => {
  assert.equal(faultOf(chainOf(20)), undefined);
  assert.equal(faultOf([]), undefined);
});

test('a hash is what any HMAC program makes of the hash before and the record', () => {
  const [first] = chainOf(1);
  assert.ok(first);
  const input = genesis + first.record;
  const macopt = `hexkey:${Buffer.from(key).toString('hex')}`;
  const made = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', macopt], { input });
  assert.match(made.toString(), new RegExp(`${first.hash}\\s*$`));
});

test('a record that was changed, removed, added, moved or renumbered breaks the chain at its place', () => {
  const links = chainOf(5);
  const [one, two, three, four, five] = links;
  assert.ok(one && two && three && four && five);
  const changed = { ...three, record: three.record.replace('do 3', 'do 4') };
  const forged = { ...changed, hash: hashAfter(new Uint8Array(32), two.hash, changed.record) };
  const cases: [links: Link[], seq: number, reason: RegExp][] = [
    [[one, two, changed, four, five], 3, /the hash is not that/],
    [[one, two, forged, four, five], 3, /the hash is not that/],
    [[one, two, { ...three, hash: four.hash }, four], 3, /the hash is not that/],
    [[one, two, four, five], 3, /a gap: record 4 comes after 2/],
    [[two, three], 1, /a gap/],
    [[one, two, two], 3, /a gap/],
    [[one, three, two], 2, /a gap/],
    [[one, two, { ...four, seq: 3 }], 3, /another number/],
    [[one, { ...two, record: 'not JSON' }], 2, /another number/],
  ];
  for (const [broken, seq, reason] of cases) {
    const fault = faultOf(broken);
    assert.equal(fault?.seq, seq);
    assert.match(fault.reason, reason);
  }
});

test('with another key nothing is right', () => {
  assert.equal(faultOf(chainOf(3), [], new Uint8Array(32))?.seq, 1);
});

test('records that were cut off at the end are missed by whoever knows a head, and so is a new past', () => {
  const links = chainOf(5);
  const head = links[4];
  assert.ok(head);
  assert.equal(faultOf(links, [head]), undefined);
  assert.equal(faultOf(links, [emptyHead]), undefined);
  assert.equal(faultOf(links.slice(0, 3)), undefined);
  assert.deepEqual(faultOf(links.slice(0, 3), [head]), {
    seq: 4,
    reason: 'records are missing at the end: record 5 was seen before',
  });
  assert.deepEqual(faultOf(links, [{ seq: 2, hash: genesis }]), {
    seq: 2,
    reason: 'another record was seen here before',
  });
});
