import { agrees } from './agreement.ts';
import { type CheckSyntax, checkWithBash, type Verdict } from './bash-syntax.ts';
import { digestOf, emit, holdsReferences, type Placed } from './emit.ts';
import { type Expression, type Expressions, findExpressions } from './expressions.ts';
import { loadGrammar, type Node, type WithTree } from './grammar.ts';
import { place } from './placement.ts';
import { readShell } from './read-shell.ts';
import { type Fault, firstError, scriptFaults } from './script-faults.ts';
import { type Reading, regionAt } from './shell-reading.ts';

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

  const survey = await surveyOf(tools, source);
  const { expressions, masked, reading, verdict, grammarError } = survey;
  const { faults, placed, inputs } = placeAll(survey, declaredInputs);
  faults.push(...reservedNames(source, expressions), ...scriptFaults(masked, reading, verdict, grammarError));
  if (faults.length > 0) return failure(source, faults);

  const text = emit(source, reading, placed);
  if (placed.length > 0) await assertSound(tools, text, placed, grammarError === undefined);
  return { ok: true, program: { text, digest: digestOf(text), inputs } };
}

/** What is to be known of a script before its expressions can be placed. */
interface Survey extends Expressions {
  /** The script with a name in place of every expression. */
  masked: string;
  reading: Reading;
  verdict: Verdict;
  /** Where the grammar first fails, if it does. */
  grammarError: number | undefined;
  /** The expressions whose quoting the grammar does not confirm. */
  unclear: Set<Expression>;
}

async function surveyOf(tools: Tools, source: string): Promise<Survey> {
  const found = findExpressions(source);
  const masked = mask(source, found.expressions);
  const reading = readShell(masked);
  const verdict = await tools.checkSyntax(masked);
  const confirms = (root: Node, { start, end }: Expression) =>
    reading.unclosed.length === 0 && agrees(root, start, end, regionAt(reading.root, start).kind);
  const opinion = tools.withTree(masked, root => ({
    grammarError: firstError(root),
    unclear: new Set(found.expressions.filter(expression => !confirms(root, expression))),
  }));
  return {
    ...found,
    masked,
    reading,
    verdict,
    grammarError: 0,
    unclear: new Set(found.expressions),
    ...opinion,
  };
}

function placeAll(survey: Survey, declaredInputs: readonly string[]) {
  const { expressions, unterminated, masked, reading, verdict, unclear } = survey;
  const faults: Fault[] = unterminated
    .filter(({ start }) => regionAt(reading.root, start).kind !== 'comment')
    .map(({ start, text }) => ({ at: start, message: `${text} has no closing > on its line` }));
  const placed: Placed[] = [];
  const inputs: string[] = [];
  for (const expression of expressions) {
    const { start, end } = expression;
    const placement = place(reading, masked, start, end);
    if ('problem' in placement) faults.push({ at: start, message: placement.problem });
    // Of a script that is not bash the mistake itself is shown, not what follows from it.
    else if (unclear.has(expression) && verdict.kind !== 'invalid')
      faults.push({ at: start, message: UNCLEAR });
    else if (placement.form === 'dropped') placed.push({ start, end, form: 'dropped', number: 0 });
    else placed.push({ start, end, form: placement.form, number: numberOf(inputs, expression) });
    const isUsed = !('form' in placement && placement.form === 'dropped');
    const problem = isUsed ? whyNotKnown(expression, declaredInputs) : undefined;
    if (problem !== undefined) faults.push({ at: start, message: problem });
  }
  return { faults, placed, inputs };
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

function whyNotKnown({ reference }: Expression, declaredInputs: readonly string[]): string | undefined {
  if (reference.kind === 'unsupported') return reference.problem;
  if (declaredInputs.includes(reference.name)) return undefined;
  const declared = declaredInputs.length === 0 ? ' no inputs' : `: ${declaredInputs.join(', ')}`;
  return `unknown input "${reference.name}"; the template declares${declared}`;
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
