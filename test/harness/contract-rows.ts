/** What the tables of the contract's tests have in common. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { loadCompiler } from '../../control-plane/template/compile.ts';
import { testDatabase } from './database.ts';
import { aConnector, aTemplate, type Variable, variable, yamlOf } from './documents.ts';
import { refusalOf, type Tools, toolsFor } from './tools.ts';

export const compile = await loadCompiler();

/** One row: what is there, what is then asked for, and the whole text with which it is refused. */
export interface Row {
  readonly there?: readonly object[];
  readonly asked: object;
  /** As it is rendered, but for the place of the document. */
  readonly message: string;
}

/** A test for each row, through `apply`. A message begins with what its code is rendered as. */
export function rows(section: string, table: Readonly<Record<string, Row>>): void {
  for (const [condition, { there = [], asked, message }] of Object.entries(table)) {
    test(`${section}: ${condition}`, async () => {
      await using store = await testDatabase();
      const tools = await toolsFor(store.database, compile);
      if (there.length > 0) await tools.apply(yamlOf(...there));
      assert.equal(await refused(tools, asked), message);
    });
  }
}

/** The text with which a document is refused, without its place. */
export async function refused(tools: Tools, ...documents: object[]): Promise<string> {
  const error = await refusalOf(tools.apply(yamlOf(...documents)));
  return error.message.replaceAll(/x\.yaml:\d+: /g, '');
}

/** A template with these inputs, and a connector of it that gives those. */
export const managerWith = (declared: readonly Variable[], given: readonly Variable[] = []) => [
  aTemplate({ inputs: declared }),
  aConnector({ inputs: given }),
];

/** Two inputs that a secret has to give, and one that it need not. */
export const manager = managerWith(
  [variable('a', '<+input>'), variable('b', '<+input>'), variable('c', '<+input>.default(x)')],
  [variable('a', 'test'), variable('b', 'test')],
);
