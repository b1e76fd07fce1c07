/** A template's document to a template version whose script has not been compiled yet. */
import { limits } from '../../protocol/index.ts';
import type { TemplateContent, TemplateVersion } from '../domain/entities.ts';
import { literalProblems } from '../domain/input-rules.ts';
import type { DeclaredInput } from '../domain/inputs.ts';
import {
  duplicateProblems,
  finish,
  inputLists,
  inputValueAt,
  type Problems,
  scopeAt,
  textAt,
  typeOf,
} from './problems.ts';
import { TemplateDocument } from './schemas.ts';
import { type Checked, checker } from './validate.ts';

const check = checker(TemplateDocument, 'template');

/** A template version whose script has not been compiled yet. */
export type TemplateSource = Omit<TemplateVersion, 'content'> & {
  readonly content: Omit<TemplateContent, 'program'>;
};

/** Reads what stands below the key `template`. */
export function readTemplate(data: unknown): Checked<TemplateSource> {
  const checked = check(data);
  if (!checked.ok) return checked;
  const document = checked.value;
  const { spec } = document;
  const problems: Problems = [];
  const references: Problems = [];
  const scope = scopeAt('template', document, problems, references);
  if (document.type !== 'SecretManager') {
    problems.push(
      `template.type must be SecretManager; templates of type ${document.type} are not for secrets`,
    );
  }
  if (spec.shell !== 'Bash') problems.push('template.spec.shell must be Bash');
  const sourceType = spec.source.type ?? textAt(spec.source.spec, 'type');
  if (sourceType !== 'Inline') problems.push('template.spec.source.type must be Inline');
  const { script } = spec.source.spec;
  if (!script.isWellFormed()) problems.push('template.spec.source.spec.script must be valid Unicode');
  const inputs = inputLists.flatMap(list => {
    const variables = spec[list] ?? [];
    const path = `template.spec.${list}`;
    problems.push(...duplicateProblems(path, variables));
    return variables.map(({ name, type, value }, index): DeclaredInput => {
      const at = `${path}[${index}].value`;
      const own = typeOf(type);
      return { list, name, type: own, value: inputValueAt(at, value, problems, { type: own }) };
    });
  });
  if (inputs.length > limits.inputs)
    problems.push(`template.spec.environmentVariables: at most ${limits.inputs} inputs are possible`);
  else
    problems.push(...literalProblems(inputs, inputs, 'template').map(problem => `template.spec: ${problem}`));
  const syntax = spec.expressionSyntax === 'FirstGen' ? 'FirstGen' : 'NG';
  const { identifier, versionLabel, name } = document;
  const content = { syntax, script, inputs, spec } as const;
  return finish(problems, () => ({ scope, identifier, versionLabel, name, content, document }), references);
}
