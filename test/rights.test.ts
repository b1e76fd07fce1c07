// Every route of the native API and every field of GraphQL, by keys that may not: "not there" and "not yours" look the
// same. And what each role may do, as docs/permissions.md has it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { after, before } from 'node:test';
import { createDispatcher } from '../control-plane/dispatch/dispatcher.ts';
import { allowedActions, type Grant, type Role, roles } from '../control-plane/domain/permissions.ts';
import type { ApiAnswer, ApiRequest } from './harness/whole-api.ts';
import { fieldNames, firstGenFields, ourFields } from './rights/fields.ts';
import type { Operation } from './rights/operation.ts';
import { routes } from './rights/routes.ts';
import {
  absent,
  connector,
  type RightsWorld,
  rightsWorld,
  secret,
  strangers,
  there,
  type Where,
  yaml,
} from './rights/world.ts';

const table = readFileSync(new URL('../docs/permissions.md', import.meta.url), 'utf8');

const operationsOf = ({ accountId }: RightsWorld): Operation[] => [
  ...routes,
  ...firstGenFields(accountId),
  ...ourFields,
];

interface Explained {
  readonly inputs: readonly { readonly label: string; readonly value?: string }[];
  readonly delegates: readonly { readonly delegate: string }[];
}

/** What is the same in two answers but for what was asked: without the word, and without what is new every time. */
function plain({ status, text }: ApiAnswer, word: string) {
  return { status, text: text.replaceAll(word, 'WORD').replace(/"correlationId":"[^"]*"/g, '') };
}

/** Foreign things that an answer names and the request did not. */
const told = (answer: ApiAnswer, request: ApiRequest) =>
  (answer.text.match(/\w*foreign[\w-]*/g) ?? []).filter(word => !JSON.stringify(request).includes(word));

let shared: RightsWorld;
before(async () => {
  shared = await rightsWorld();
});
after(() => shared[Symbol.asyncDispose]());

/** Those for everybody. */
const open = ['GET /livez', 'GET /readyz', 'GET /api/v1/openapi.json'];

test('every route and every field has an entry here', () => {
  const known = operationsOf(shared).map(({ name }) => name);
  const graphql = ['/api/graphql', '/graphql'].flatMap(path => [`GET ${path}`, `POST ${path}`]);
  const others = [...open, ...graphql];
  assert.deepEqual(
    others.filter(route => !shared.routes.includes(route)),
    [],
  );
  const served = shared.routes.filter(route => !others.includes(route));
  assert.deepEqual(
    known.toSorted(),
    [...served.map(route => route.replace(' /api/v1', ' ')), ...fieldNames].toSorted(),
  );
});

test('without a key there is one answer, whatever is asked', async () => {
  for (const operation of operationsOf(shared)) {
    for (const request of operation.requests('', there)) {
      const answers = [undefined, 'lgk_unknown'].map(async key =>
        plain(await shared.ask(key, request), there),
      );
      const [first, second] = await Promise.all(answers);
      assert.equal(first?.status, 401, operation.name);
      assert.deepEqual(first, second, operation.name);
    }
  }
});

for (const [who, grants] of Object.entries(strangers)) {
  test(`${who} can't tell what is not there from what is not theirs, and sees nothing of it`, async () => {
    const key = await shared.key(`stranger ${who}`, grants);
    for (const { name, where, requests } of operationsOf(shared)) {
      for (const place of where) {
        const pairs = requests(place, absent);
        for (const [index, request] of requests(place, there).entries()) {
          const other = pairs[index];
          assert.ok(other);
          const seen = await shared.ask(key, request);
          const unseen = await shared.ask(key, other);
          const what = `${name} of ${place || 'the account'}, request ${index + 1}: ${seen.text}`;
          assert.deepEqual(plain(seen, there), plain(unseen, absent), what);
          assert.deepEqual(told(seen, request), [], what);
        }
      }
    }
    assert.equal(shared.log(), '');
  });
}

/** allowed: it is done, or refused for another reason; denied; hidden: as if there were nothing. */
async function outcomeOf(world: RightsWorld, key: string, { about, requests }: Operation, where: Where) {
  const [request] = requests(where, there);
  const [other] = requests(where, absent);
  assert.ok(request && other);
  // What changes something is tried on what is not there first.
  const unseen = about === 'thing' ? await world.ask(key, other) : undefined;
  const seen = await world.ask(key, request);
  assert.ok(seen.status < 500, seen.text);
  if (/"ACCESS_DENIED"/.test(seen.text)) return 'denied';
  if (about === 'list') return told(seen, request).length > 0 ? 'allowed' : 'hidden';
  const isHidden = unseen && plain(seen, there).text === plain(unseen, absent).text;
  return isHidden ? 'hidden' : 'allowed';
}

for (const role of roles) {
  for (const [where, scope] of [
    ['', 'account'],
    ['project', `org/${there}org/${there}project`],
  ] as const) {
    test(`${role} of ${where || 'the account'}: what the role may do is done, and nothing else`, async () => {
      await using world = await rightsWorld();
      const key = await world.key('tester', [{ role, scope }]);
      const all = operationsOf(world).filter(operation => operation.where.includes(where));
      // What is deleted is needed until then.
      const isLast = ({ name }: Operation) => /delete|rotate/i.test(name);
      for (const operation of [...all.filter(one => !isLast(one)), ...all.filter(isLast)]) {
        const outcome = await outcomeOf(world, key, operation, where);
        assert.equal(outcome === 'allowed', may(role, operation), `${operation.name}: ${outcome}`);
      }
    });
  }
}

const may = (role: Role, { needs }: Operation) => needs === undefined || allowedActions[role].includes(needs);

test('an explanation names no delegate and no value of what its reader may not view', async () => {
  await using world = await rightsWorld();
  const own = { orgIdentifier: 'near', projectIdentifier: 'here' };
  const { secret: from } = secret('', 'near', `${there}_connector`, 'own path');
  await world.tools.apply(yaml({ secret: { ...from, ...own, spec: { ...from.spec } } }));
  const explain = async (scope: Grant['scope'], name: string): Promise<Explained> => {
    const key = await world.key(name, [{ role: 'viewer', scope }]);
    const url = '/api/v1/secrets/org%2Fnear%2Fhere%2Fnear_secret/explain';
    return JSON.parse((await world.ask(key, { method: 'GET', url })).text);
  };
  const namesOf = ({ delegates }: Explained) => delegates.map(({ delegate }) => delegate).sort();
  const all = await explain('account', 'sees all');
  assert.deepEqual(namesOf(all), ['foreign-delegate', 'foreign-project-delegate', 'near-delegate']);
  // The one that would run it, and the reader's own.
  const near = await explain('org/near', 'sees near');
  assert.deepEqual(namesOf(near), ['foreign-delegate', 'near-delegate']);
  const here = await explain('org/near/here', 'sees here');
  assert.deepEqual(namesOf(here), ['foreign-delegate']);
  const valuesOf = ({ inputs }: Explained) =>
    Object.fromEntries(inputs.map(({ label, value }) => [label, value]));
  assert.deepEqual(valuesOf(all), { path: 'own path', url: 'foreign url' });
  assert.deepEqual(valuesOf(here), { path: 'own path', url: undefined });
});

test('a fetch or test that no delegate can take names none that its caller may not view', async () => {
  await using world = await rightsWorld();
  const { roster, tools } = world;
  const own = { orgIdentifier: 'near', projectIdentifier: 'here' };
  const { connector: from } = connector('', 'near', 'near_template');
  const spec = { ...from.spec, template: { ...from.spec.template, templateRef: 'near_template' } };
  const { secret: named } = secret('', 'near');
  const values = { ...named.spec, secretManagerIdentifier: 'near_connector' };
  await tools.apply(
    yaml({ connector: { ...from, ...own, spec } }, { secret: { ...named, ...own, spec: values } }),
  );
  tools.play = createDispatcher({ roster, clock: tools.clock });
  const project = { role: 'fetcher', scope: 'org/near/here' } as const;
  const key = await world.key('runs', [project, { role: 'editor', scope: 'org/near/here' }]);
  const all = await world.key('runs all', [{ role: 'admin', scope: 'account' }]);
  const runs = [
    ...routes.filter(({ name }) => ['POST /fetch', 'POST /connectors/test'].includes(name)),
    ...ourFields.filter(({ name }) => /fetch|ConnectionTest/.test(name)),
  ];
  assert.equal(runs.length, 4);
  for (const { name, requests } of runs) {
    const [request] = requests('', 'near');
    assert.ok(request);
    const inProject = JSON.parse(JSON.stringify(request).replaceAll('account.near', 'org/near/here/near'));
    const { text } = await world.ask(key, inProject);
    // It serves the project; the project delegate of others does not, and is nobody's business here.
    assert.match(text, /near-delegate.*tags lack/, name);
    assert.doesNotMatch(text, /foreign-project-delegate/, name);
    assert.match((await world.ask(all, inProject)).text, /foreign-project-delegate/, name);
  }
});

test('docs/permissions.md lists every route and field, with what it needs', () => {
  const rows = table
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line => line.split('|').map(cell => cell.trim()));
  const documented = new Map<string, string>();
  for (const [, names = '', action = ''] of rows) {
    for (const [, name] of names.matchAll(/`([^`]+)`/g)) if (name) documented.set(name, action);
  }
  const all = operationsOf(shared);
  for (const { name, needs } of all) assert.equal(documented.get(name), needs ?? 'any key', name);
  const names = new Set(all.map(({ name }) => name));
  const isOperation = (name: string) =>
    /^(GET|POST|DELETE) |^(Query|Mutation|Subscription|Legate\w+)\./.test(name);
  assert.deepEqual(
    [...documented.keys()].filter(name => isOperation(name) && !names.has(name)),
    [],
  );
});
