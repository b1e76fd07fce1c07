import assert from 'node:assert/strict';
import test from 'node:test';
import type { UsageScope } from './entities.ts';
import { permits } from './usage-scope.ts';

const anyApplication = { filterType: 'ALL' } as const;
const production = { filterType: 'PRODUCTION_ENVIRONMENTS' } as const;
const nonProduction = { filterType: 'NON_PRODUCTION_ENVIRONMENTS' } as const;
const shop = { application: 'shop', environment: 'live', production: true };
const shopTest = { application: 'shop', environment: 'staging', production: false };
const bank = { application: 'bank', environment: 'live', production: true };

test('what is not restricted serves everybody, and those who do not say who they are', () => {
  for (const consumer of [undefined, shop, bank]) assert.equal(permits([], consumer), true);
});

test('what is restricted serves nobody who does not say who it is', () => {
  assert.equal(permits([{ application: anyApplication, environment: production }], undefined), false);
});

const rows: [title: string, scope: UsageScope, allowed: object[]][] = [
  ['production of any application', [{ application: anyApplication, environment: production }], [shop, bank]],
  [
    'everything but production, of any application',
    [{ application: anyApplication, environment: nonProduction }],
    [shopTest],
  ],
  ['production of one application', [{ application: { appId: 'shop' }, environment: production }], [shop]],
  ['one environment', [{ application: { appId: 'shop' }, environment: { envId: 'staging' } }], [shopTest]],
  [
    'one of several entries',
    [
      { application: { appId: 'bank' }, environment: { envId: 'live' } },
      { application: { appId: 'shop' }, environment: nonProduction },
    ],
    [shopTest, bank],
  ],
  [
    'no mixture of two entries',
    [
      { application: { appId: 'bank' }, environment: nonProduction },
      { application: { appId: 'shop' }, environment: { envId: 'other' } },
    ],
    [],
  ],
];

for (const [title, scope, allowed] of rows) {
  test(`a usage scope serves ${title}`, () => {
    const served = [shop, shopTest, bank].filter(consumer => permits(scope, consumer));
    assert.deepEqual(served, allowed);
  });
}
