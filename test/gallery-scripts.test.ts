/**
 * The gallery's scripts against real stores, without any of our own programs: whatever runs them, this is
 * what they promise. Expressions stand at plain assignments only, so a quoted variable renders them.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  assertDelivers,
  assertFails,
  gallery,
  hostileName,
  inputsAt,
  pathOf,
  quote,
  readGallery,
  runTemplate,
  Scratch,
  textAt,
  values,
} from './harness/gallery-scripts.ts';

for (const template of gallery) {
  const { name } = template;

  describe(`the template ${name}`, { concurrency: true }, () => {
    for (const [kind, value] of Object.entries(values)) {
      test(`delivers ${kind} byte for byte`, async t => {
        const scratch = await Scratch.make(t);
        const { inputs, passwords } = await scratch.store(
          template.make(await scratch.folder('store'), value),
        );
        assertDelivers(await runTemplate(scratch, name, { inputs, secrets: [value, ...passwords] }), value);
      });
    }

    test('shows no value or password in any command line or environment', async t => {
      const scratch = await Scratch.make(t);
      const value = 'value-that-nobody-may-see';
      const { inputs, passwords } = await scratch.store(template.make(await scratch.folder('store'), value));
      const record = join(scratch.dir, 'record');
      const wrapper = `#!/bin/bash\n/bin/cat /proc/$$/cmdline /proc/$$/environ >>${quote(record)}\nexec REAL "$@"\n`;
      // Nothing but wrappers to be found: what is started by name is on record.
      const path = await pathOf(join(scratch.dir, 'bin'), template.programs, wrapper);
      assertDelivers(
        await runTemplate(scratch, name, { inputs, secrets: [value, ...passwords], path }),
        value,
      );

      const seen = await readFile(record, 'utf8');
      assert.ok(seen.includes(`/${template.program}\0`), 'the record has the program');
      for (const secret of [value, ...passwords]) assert.ok(!seen.includes(secret));
    });

    test('says which package a delegate lacks', async t => {
      const scratch = await Scratch.make(t);
      const { inputs, passwords } = await scratch.store(
        template.make(await scratch.folder('store'), 'value'),
      );
      const others = template.programs.filter(program => program !== template.program);
      const path = await pathOf(join(scratch.dir, 'bin'), others);
      const result = await runTemplate(scratch, name, { inputs, secrets: passwords, path });
      assertFails(
        result,
        new RegExp(`^${template.program} is not installed .*: ${template.debianPackage}\\)$`, 'm'),
      );
    });

    test('takes every input as data: none of them becomes code or an option', async t => {
      const scratch = await Scratch.make(t);
      const store = await scratch.store(template.make(await scratch.folder('store'), 'value'));
      for (const input of Object.keys(store.inputs)) {
        for (const hostile of [
          hostileName,
          '-h',
          '--',
          '-',
          "'; touch pwned; '",
          '"; touch pwned; "',
          '$(touch pwned)',
        ]) {
          const inputs = { ...store.inputs, [input]: hostile };
          const result = await runTemplate(scratch, name, { inputs, secrets: store.passwords });
          // What it names does not exist. (That nothing was touched is checked of every run.)
          assertFails(result, /./);
          assert.doesNotMatch(result.stderr, /usage|unknown option|conflicting/i);
        }
      }
    });

    test('has examples that together give exactly the inputs it asks for', async () => {
      const source = await readGallery(name, 'template.yaml');
      const connector = await readGallery(name, 'connector.yaml');
      const secret = await readGallery(name, 'secret.yaml');
      assert.equal(textAt(source, 'template', 'identifier'), template.identifier);
      const label = textAt(source, 'template', 'versionLabel');
      assert.equal(textAt(connector, 'connector', 'spec', 'template', 'versionLabel'), label);
      const reference = textAt(connector, 'connector', 'spec', 'template', 'templateRef');
      assert.equal(reference, `account.${template.identifier}`);
      const manager = textAt(secret, 'secret', 'spec', 'secretManagerIdentifier');
      assert.equal(manager, `account.${textAt(connector, 'connector', 'identifier')}`);

      const asked = inputsAt(source, 'template', 'spec', 'environmentVariables');
      for (const input of asked) assert.equal(`${input.type} ${input.value}`, 'String <+input>', input.name);
      const names = asked.map(input => input.name).sort();
      const path = ['connector', 'spec', 'template', 'templateInputs', 'environmentVariables'];
      // The connector's own inputs are complete too: the connection test uses nothing else.
      assert.deepEqual(
        inputsAt(connector, ...path)
          .map(input => input.name)
          .sort(),
        names,
      );
      const given = inputsAt(textAt(secret, 'secret', 'spec', 'value'), 'environmentVariables');
      for (const input of given) assert.ok(names.includes(input.name), input.name);
    });

    test('explains every input in its README', async () => {
      const source = await readGallery(name, 'template.yaml');
      const readme = await readGallery(name, 'README.md');
      for (const input of inputsAt(source, 'template', 'spec', 'environmentVariables')) {
        assert.ok(readme.includes(`| \`${input.name}\` |`), input.name);
      }
    });
  });
}
