/** Checks data against a schema, and says what is wrong in the words of the schema's `rule`. */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import type { Static, TSchema } from 'typebox';
import type { ErrorCode } from '../domain/errors.ts';

// YAML scalars may come quoted where a number or a boolean is meant, as provisioning tools write them.
// `verbose` gives errors their schema, in which the rule stands; the data that it adds is never shown.
const ajv = new Ajv2020({ strict: true, allErrors: true, coerceTypes: true, verbose: true });
ajv.addVocabulary(['rule', 'integer']);

export type Checked<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      problems: string[];
      /** INVALID_REQUEST where there is none. */
      code?: ErrorCode;
    };

/** Makes a check for a schema. Messages begin with `root`, as in `connector.spec.timeout must be …`. */
export function checker<Schema extends TSchema>(
  schema: Schema,
  root: string,
): (data: unknown) => Checked<Static<Schema>> {
  const validate = ajv.compile<Static<Schema>>(schema);
  return data => {
    if (validate(data)) return { ok: true, value: data };
    const problems = (validate.errors ?? []).map(error => describe(error, root));
    return { ok: false, problems: [...new Set(problems)] };
  };
}

function describe(error: ErrorObject, root: string): string {
  const path = root + fieldPath(error.instancePath);
  if (error.keyword === 'required') return `${path}.${String(error.params.missingProperty)} is required`;
  const rule: unknown = error.parentSchema?.rule;
  return `${path} ${typeof rule === 'string' ? rule : (error.message ?? 'is not valid')}`;
}

/** A JSON pointer as people write a path: `/spec/environmentVariables/0/name` → `.spec.environmentVariables[0].name`. */
export function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map(part =>
      /^[0-9]+$/.test(part) ? `[${part}]` : `.${part.replaceAll('~1', '/').replaceAll('~0', '~')}`,
    )
    .join('');
}
