import assert from 'node:assert/strict';
import test from 'node:test';
import { readUsageScope } from './usage-scope.ts';

function read(...appEnvScopes: object[]) {
  const problems: string[] = [];
  return { scope: readUsageScope({ appEnvScopes }, problems), problems };
}
const all = { filterType: 'ALL' };
const production = { filterType: 'PRODUCTION_ENVIRONMENTS' };

test('what is empty restricts nothing', () => {
  for (const scope of [undefined, null, {}, { appEnvScopes: [] }])
    assert.deepEqual(readUsageScope(scope, []), []);
});

test('an entry names an application or all of them, and an environment or a kind of them', () => {
  const entries = [
    { application: all, environment: production },
    { application: all, environment: { filterType: 'NON_PRODUCTION_ENVIRONMENTS' } },
    { application: { appId: 'shop' }, environment: { envId: 'live' } },
    { application: { appId: 'shop' }, environment: production },
  ];
  assert.deepEqual(read(...entries), { scope: entries, problems: [] });
});

test('an entry that stands twice counts once, and an empty text or a null is none', () => {
  const { scope, problems } = read(
    { application: { ...all, appId: '' }, environment: { ...production, envId: null } },
    { application: all, environment: production },
  );
  assert.deepEqual([scope, problems], [[{ application: all, environment: production }], []]);
});

const refused: [entry: object, problem: string][] = [
  [{}, 'The app filter cannot be null'],
  [{ application: null, environment: production }, 'The app filter cannot be null'],
  [{ application: all }, 'The app filter cannot be null'],
  [{ application: {}, environment: production }, 'No appId or filterType provided in the app filter'],
  [
    { application: { ...all, appId: 'a' }, environment: production },
    'Cannot set both appId and filterType in the app filter',
  ],
  [{ application: all, environment: { envId: 'e' } }, 'EnvId cannot be supplied with app filterType ALL'],
  [{ application: all, environment: {} }, 'No envId or filterType provided in the env filter'],
  [
    { application: { appId: 'a' }, environment: { ...production, envId: 'e' } },
    'Cannot set both envId and filterType in the env filter',
  ],
  [{ application: { filterType: 'SOME' }, environment: production }, 'application.filterType must be ALL'],
  [
    { application: all, environment: { filterType: 'ALL' } },
    'environment.filterType must be PRODUCTION_ENVIRONMENTS or NON_PRODUCTION_ENVIRONMENTS',
  ],
];
for (const [entry, problem] of refused)
  test(`refused: ${JSON.stringify(entry)}`, () => {
    assert.deepEqual(read(entry), { scope: [], problems: [problem] });
  });
