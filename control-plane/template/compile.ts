import { agrees } from './agreement.ts';
import { type CheckSyntax, checkWithBash } from './bash-syntax.ts';
import { digestOf, emit, holdsReferences, type Placed } from './emit.ts';
import { type Expression, findExpressions } from './expressions.ts';
import { loadGrammar, type WithTree } from './grammar.ts';
import { place } from './placement.ts';
import { readShell } from './read-shell.ts';
import { type Fault, firstError, scriptFaults } from './script-faults.ts';
import { regionAt } from './shell-reading.ts';

/** Line and column are 1-based, in the author's script; the column counts UTF-16 code units. */
export interface Problem {
  line: number;
  column: number;
  message: string;
}

export interface CompiledProgram {
  /** A constant bash program: this very text runs, whatever the inputs are. */
  text: string;
  /** `sha256:` and 64 hex digits, of `text` in UTF-8. */
  digest: string;
  /** Inputs that the script refers to, in order of first use; `inputs[i]` arrives in `__legate_<i+1>`. */
  inputs: string[];
}

export type CompileResult = { ok: true; program: CompiledProgram } | { ok: false; problems: Problem[] };

/**
 * Compiles the script of a template that declares these inputs. All problems are reported, in the order of
 * the text. Line ends become `\n`, as bash would take a `\r` for part of a word; a script without expressions
 * is otherwise its own program. Throws only when its output does not read as it should, a fault of its own.
 */
export type Compile = (script: string, declaredInputs: readonly string[]) => Promise<CompileResult>;

/**
 * Loads the compiler; the grammar is loaded once. `checkSyntax` has the last word on whether a script is
 * bash: the grammar does not know all of it, and lets some mistakes pass. Where there is no bash to ask, a
 * script must satisfy the grammar alone, and some valid ones are refused.
 */
export async function loadCompiler(checkSyntax: CheckSyntax = checkWithBash): Promise<Compile> {
  const withTree = await loadGrammar();
  return (script, declaredInputs) => compile({ withTree, checkSyntax }, script, declaredInputs);
}

interface Tools {
  withTree: WithTree;
  checkSyntax: CheckSyntax;
}

const UNCLEAR =
  'the quoting around this expression is unclear; assign it to a variable at the top of the script: v=<+…>';

async function compile(
  tools: Tools,
  script: string,
  declaredInputs: readonly string[],
): Promise<CompileResult> {
  const source = script.replace(/\r(?=\n|$)/g, '');
  const nul = source.indexOf('\0');
  if (nul !== -1) return failure(source, [{ at: nul, message: 'bash cannot read a NUL character' }]);

  const { expressions, unterminated } = findExpressions(source);
  const masked = mask(source, expressions);
  const reading = readShell(masked);
  const verdict = await tools.checkSyntax(masked);
  const isInComment = (offset: number) => regionAt(reading.root, offset).kind === 'comment';
  const { grammarError, unclear } = tools.withTree(masked, root => ({
    grammarError: firstError(root),
    unclear: expressions.filter(
      ({ start, end }) => !agrees(root, start, end, regionAt(reading.root, start).kind),
    ),
  })) ?? { grammarError: 0, unclear: expressions };

  const faults = [
    ...reservedNames(source, expressions),
    ...scriptFaults(masked, reading, verdict, grammarError),
  ];
  for (const { start, text } of unterminated) {
    if (!isInComment(start)) faults.push({ at: start, message: `${text} has no closing > on its line` });
  }
  const inputs: string[] = [];
  const placed: Placed[] = [];
  for (const expression of expressions) {
    const { start, end, reference } = expression;
    const placement = place(reading, masked, start, end);
    const isDropped = 'form' in placement && placement.form === 'dropped';
    if ('problem' in placement) faults.push({ at: start, message: placement.problem });
    else if (verdict.kind !== 'invalid' && unclear.includes(expression))
      faults.push({ at: start, message: UNCLEAR });
    else
      placed.push({ start, end, form: placement.form, number: isDropped ? 0 : numberOf(inputs, expression) });
    if (isDropped) continue;
    if (reference.kind === 'unsupported') faults.push({ at: start, message: reference.problem });
    else if (!declaredInputs.includes(reference.name))
      faults.push({ at: start, message: unknown(reference.name, declaredInputs) });
  }
  if (faults.length > 0) return failure(source, faults);

  const text = emit(source, reading, placed);
  if (placed.length > 0) await assertSound(tools, text, placed, grammarError === undefined);
  return { ok: true, program: { text, digest: digestOf(text), inputs } };
}

/** Replaces every expression by a name of the same length, so that offsets stay what they are. */
function mask(source: string, expressions: Expression[]): string {
  return replaceAll(source, expressions, ({ text }) =>
    '__legate_'.padEnd(text.length, '_').slice(0, text.length),
  );
}

function replaceAll(
  source: string,
  expressions: Expression[],
  by: (expression: Expression) => string,
): string {
  let at = 0;
  const parts = expressions.flatMap(expression => {
    const parts = [source.slice(at, expression.start), by(expression)];
    at = expression.end;
    return parts;
  });
  return parts.join('') + source.slice(at);
}

/** Names that begin like our variables are ours: a script could otherwise read, change or shadow an input. */
function reservedNames(source: string, expressions: Expression[]): Fault[] {
  const rest = replaceAll(source, expressions, ({ text }) => ' '.repeat(text.length));
  return Array.from(rest.matchAll(/__legate_\w*/g), ({ index, 0: name }) => {
    return { at: index, message: `${name} is reserved: names that begin with __legate_ hold the inputs` };
  });
}

/** The number of the variable for an input: 1 for the first that is used. Anything else fails anyway. */
function numberOf(inputs: string[], { reference }: Expression): number {
  if (reference.kind !== 'input') return 0;
  if (!inputs.includes(reference.name)) inputs.push(reference.name);
  return inputs.indexOf(reference.name) + 1;
}

function unknown(name: string, declaredInputs: readonly string[]): string {
  const declared = declaredInputs.length === 0 ? 'no inputs' : declaredInputs.join(', ');
  return `unknown input "${name}"; the template declares${declaredInputs.length === 0 ? ' ' : ': '}${declared}`;
}

/** The last defence: the program must read as bash, with just the references that were put in. */
async function assertSound(tools: Tools, text: string, placed: Placed[], wasClean: boolean): Promise<void> {
  const verdict = await tools.checkSyntax(text);
  const isClean = tools.withTree(text, root => !root.hasError) ?? false;
  const isSyntax = verdict.kind === 'valid' || (verdict.kind === 'unknown' && (isClean || !wasClean));
  if (!isSyntax) throw new Error('internal: the compiled program has a syntax error');
  if (!holdsReferences(text, readShell(text), placed)) {
    throw new Error('internal: the compiled program does not hold the references that were put in');
  }
}

function failure(source: string, faults: Fault[]): CompileResult {
  const sorted = faults.toSorted((a, b) => a.at - b.at);
  return { ok: false, problems: sorted.map(({ at, message }) => ({ ...positionAt(source, at), message })) };
}

function positionAt(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
