/** For tests: inputs by their names, and the values that the slots of a program get. */
import type { Expression } from '../../domain/expression.ts';
import type { InputName } from '../../domain/inputs.ts';

export const inputsNamed = (...names: string[]): InputName[] =>
  names.map(name => ({ list: 'environmentVariables', name }));

/** An input, a field and a secret of the same name have the same value. */
export const valuesFor = (slots: readonly Expression[], values: Record<string, string>): string[] =>
  slots.map(slot => values[nameOf(slot)] ?? '');

function nameOf(slot: Expression): string {
  if (slot.kind === 'secret') return nameOf(slot.argument);
  if (slot.kind === 'input') return slot.name;
  if (slot.kind === 'path') return slot.path;
  return slot.kind === 'text' ? slot.text : '';
}
