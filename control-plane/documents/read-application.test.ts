import assert from 'node:assert/strict';
import test from 'node:test';
import { readApplication } from './read-application.ts';

const live = { identifier: 'live', name: 'Live', type: 'Production' };
const problemsOf = (data: unknown) => {
  const checked = readApplication(data);
  return checked.ok ? [] : checked.problems;
};

test('an application is read with its environments; it needs none', () => {
  const environments = [live, { identifier: 'qa', name: 'QA', type: 'PreProduction' }];
  assert.deepEqual(readApplication({ identifier: 'shop', name: 'Shop', environments, more: 1 }), {
    ok: true,
    value: {
      id: 'shop',
      name: 'Shop',
      environments: [
        { id: 'live', name: 'Live', production: true },
        { id: 'qa', name: 'QA', production: false },
      ],
    },
  });
  const checked = readApplication({ identifier: 'shop', name: 'Shop' });
  assert.deepEqual(checked.ok && checked.value.environments, []);
});

test('what is wrong is told by field', () => {
  assert.deepEqual(
    problemsOf({ identifier: 'a b', name: '', environments: [{ ...live, type: 'Staging' }] }),
    [
      'application.identifier must be 1 to 128 characters without blanks and "/"',
      'application.name must be 1 to 256 characters',
      'application.environments[0].type must be Production or PreProduction',
    ],
  );
});

test('an environment that stands twice is refused', () => {
  assert.deepEqual(problemsOf({ identifier: 'shop', name: 'Shop', environments: [live, live] }), [
    'application.environments: duplicate "live"',
  ]);
});
