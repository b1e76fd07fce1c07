/** Reads a template's content from its JSON. Checked, not cast: a cast would not notice a damaged file. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Type } from 'typebox';
import type { TemplateContent } from '../domain/entities.ts';
import type { Expression } from '../domain/expression.ts';
import type { DeclaredInput } from '../domain/inputs.ts';

const text = Type.String();
const list = Type.Union([Type.Literal('environmentVariables'), Type.Literal('inputVariables')]);
const validator = Type.Union([
  Type.Object({
    kind: Type.Union(
      (['allowedValues', 'selectOneFrom', 'selectManyFrom'] as const).map(kind => Type.Literal(kind)),
    ),
    allowed: Type.Array(text),
  }),
  Type.Object({ kind: Type.Literal('regex'), pattern: text }),
]);
const value = Type.Union([
  Type.Object({ kind: Type.Literal('fixed'), text }),
  Type.Object({
    kind: Type.Literal('runtime'),
    source: text,
    defaultText: Type.Optional(text),
    validator: Type.Optional(validator),
  }),
]);
const input = Type.Object({
  list,
  name: text,
  type: Type.Union([Type.Literal('String'), Type.Literal('Number'), Type.Literal('Secret')]),
  value,
});
/** The trees are read by the evaluator, which refuses what it does not know. */
const Content = Type.Object({
  syntax: Type.Union([Type.Literal('NG'), Type.Literal('FirstGen')]),
  script: text,
  inputs: Type.Array(Type.Unsafe<DeclaredInput>(input)),
  program: Type.Object({
    text,
    digest: text,
    slots: Type.Array(Type.Unsafe<Expression>(Type.Object({ kind: text }))),
  }),
  spec: Type.Unknown(),
});
const validate = new Ajv2020({ strict: false }).compile<TemplateContent>(Content);

export function readContent(json: string): TemplateContent {
  const data: unknown = JSON.parse(json);
  if (!validate(data)) throw new Error('the store holds a template content that is none');
  return data;
}
