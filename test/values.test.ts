// Values arrive as they are, whatever they hold, and whichever way they are asked for.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startWorld, type World } from './harness/world.ts';

const hostile: Record<string, string> = {
  quotes: `"double" 'single' "'"'"`,
  'dollars and backticks': '$HOME ${PATH} $(touch pwned) `touch pwned` $$ $1',
  newlines: 'first\nsecond\n\nfourth',
  'a leading -n': '-n not an option',
  backslashes: 'a\\nb\\\\c\\',
  'shell operators': '; rm -rf . & | < > ( ) { } * ? [a-z] ~ # !',
  'UTF-8': 'grüße 漢字 \u{1f511} \u00a0\ufeffin the middle',
  'control characters': 'bell\u0007tab\there\u007f',
  JSON: '{"a":"b\\"c","d":[1,2]}',
};

let world: World;
before(async () => {
  world = await startWorld();
  await world.connectedAgent();
});
after(() => world[Symbol.asyncDispose]());

for (const [name, value] of Object.entries(hostile)) {
  test(`a value with ${name} arrives byte for byte when an input brings it`, async () => {
    const { secret } = await world.script('secret=<+secretManager.environmentVariables.value>', {
      inputs: { value },
    });
    await arrives(secret, value);
  });

  test(`a value with ${name} arrives byte for byte when a file holds it`, async () => {
    const path = join(world.folder, `a file named "${name}"`);
    await writeFile(path, value);
    const script = 'secret=$(cat -- "<+spec.environmentVariables.path>")';
    const { secret } = await world.script(script, { inputs: { path } });
    await arrives(secret, value);
  });
}

test('a value of exactly 1 MiB arrives, in chunks', async () => {
  const path = join(world.folder, 'large');
  const value = 'é'.repeat(524_288);
  await writeFile(path, value);
  const { secret } = await world.script(`secret=$(cat '${path}')`);
  await arrives(secret, value);
});

test('a value of one byte more is refused by name', async () => {
  const path = join(world.folder, 'larger');
  await writeFile(path, 'x'.repeat(1_048_577));
  const { secret } = await world.script(`secret=$(cat '${path}')`);
  const fetched = await world.legate(['secret', 'get', secret]);
  assert.equal(fetched.code, 1);
  assert.match(fetched.err, /^value-too-large: /);
  assert.equal(fetched.out.length, 0);
});

test('the json answer says which task, which delegate and how long', async () => {
  const { secret } = await world.script('secret=v');
  const fetched = await world.legate(['secret', 'get', secret, '--json']);
  const { task, attempt, delegate, durationMs, value } = JSON.parse(fetched.out.toString());
  assert.equal(value, 'v');
  assert.equal(attempt, 1);
  assert.equal(delegate, 'delegate');
  assert.match(task, /^[\w-]{16}$/);
  assert.ok(durationMs >= 0);
});

for (const [script, reason] of [
  ['secret=', 'empty-value'],
  ['secret=null', 'empty-value'],
  ['secret=v; exit 0', 'empty-value'],
  ['echo v', 'empty-value'],
  ['secret=v; echo "no luck" >&2; exit 7', 'script-failed'],
  ["secret=$(printf '\\xff')", 'invalid-value'],
] as const) {
  test(`\`${script}\` fails with ${reason}`, async () => {
    const { secret } = await world.script(script);
    const fetched = await world.legate(['secret', 'get', secret]);
    assert.equal(fetched.code, 1);
    assert.equal(fetched.out.length, 0);
    assert.match(fetched.err, new RegExp(`^${reason}: `));
    if (reason === 'script-failed') {
      assert.match(fetched.err, /exit code 7/);
      assert.match(fetched.err, /\| no luck/);
    }
  });
}

async function arrives(secret: string, value: string): Promise<void> {
  const sealed = await world.legate(['secret', 'get', secret]);
  assert.equal(sealed.code, 0, sealed.err);
  assert.deepEqual(sealed.out, Buffer.from(value));
  const response = await world.api('/fetch', { secret });
  const events = (await response.text())
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  const opened = events.filter(({ event }) => event === 'value').map(({ text }) => text);
  assert.equal(opened.join(''), value);
  assert.equal(events.at(-1).event, 'done');
}
