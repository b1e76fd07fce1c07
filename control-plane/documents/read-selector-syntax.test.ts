import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, connectorYaml } from '../../test/harness/documents.ts';
import { readConnector } from './read-connector.ts';
import { readYaml } from './yaml.ts';

/** The example with these selectors, and what they are said to be. */
function read(delegateSelectors: readonly string[], selectorSyntax?: string) {
  const yaml = readYaml(connectorYaml);
  const data = yaml.ok ? yaml.documents[0]?.data : undefined;
  assert.ok(typeof data === 'object' && data !== null && 'connector' in data);
  const document = changed(data.connector, 'spec.delegateSelectors', delegateSelectors);
  const checked = readConnector(
    selectorSyntax === undefined ? document : changed(document, 'spec.selectorSyntax', selectorSyntax),
  );
  return checked.ok
    ? { selectors: checked.value.selectors, syntax: checked.value.selectorSyntax }
    : checked.problems;
}

test('without selectorSyntax a selector is a tag, whatever it looks like', () => {
  const selectors = ['!canary', 'a|b', 'aws & (', '"q'];
  assert.deepEqual(read(selectors), { selectors, syntax: undefined });
});

test('with selectorSyntax: expression each selector is one, and a wrong one is told with its place', () => {
  const selectors = ['aws & (eu-west-1 | eu-central-1) & !canary', '"eu west" | <+spec.host>'];
  assert.deepEqual(read(selectors, 'expression'), { selectors, syntax: 'expression' });
  assert.deepEqual(read(['aws', ' aws & '], 'expression'), [
    'connector.spec.delegateSelectors[1]: delegate selector "aws &", character 6: a tag, "!" or "(" must stand here, not the end',
  ]);
});

test('there is no other syntax', () => {
  assert.deepEqual(read(['aws'], 'v2'), ['connector.spec.selectorSyntax must be expression, or left out']);
});
