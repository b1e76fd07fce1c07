import { isDeepStrictEqual } from 'node:util';
import { limits } from '../../protocol/index.ts';
import type { Program } from '../domain/entities.ts';
import {
  type Expression,
  type ExpressionSyntax,
  type FoundExpression,
  type FoundExpressions,
  parseExpressions,
} from '../domain/expression.ts';
import { nodesOf } from '../domain/expression-tree.ts';
import { type InputName, inputLabel, sameInput } from '../domain/inputs.ts';
import { agrees } from './agreement.ts';
import { type CheckSyntax, checkWithBash, type Verdict } from './bash-syntax.ts';
import { digestOf, emit, holdsReferences, type Placed } from './emit.ts';
import { loadGrammar, type Node, type WithTree } from './grammar.ts';
import { mask, replaceAll } from './mask.ts';
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

export type CompileResult = { ok: true; program: Program } | { ok: false; problems: Problem[] };

/**
 * Compiles the script of a template that declares these inputs. All problems are reported, in the order of
 * the text. Line ends become `\n`, as bash would take a `\r` for part of a word; a script without expressions
 * is otherwise its own program. The program's slots are in order of first use, expressions that mean the same
 * share one. Throws only when its output does not read as it should, a fault of its own.
 */
export type Compile = (
  script: string,
  declared: readonly InputName[],
  syntax?: ExpressionSyntax,
) => Promise<CompileResult>;

/**
 * Loads the compiler; the grammar is loaded once. `checkSyntax` has the last word on whether a script is
 * bash: the grammar does not know all of it, and lets some mistakes pass. Where there is no bash to ask, a
 * script must satisfy the grammar alone, and some valid ones are refused.
 */
export async function loadCompiler(checkSyntax: CheckSyntax = checkWithBash): Promise<Compile> {
  const withTree = await loadGrammar();
  return (script, declared, syntax = 'NG') =>
    compile({ withTree, checkSyntax }, { script, declared, syntax });
}

interface Tools {
  withTree: WithTree;
  checkSyntax: CheckSyntax;
}

interface Source {
  script: string;
  declared: readonly InputName[];
  syntax: ExpressionSyntax;
}

const UNCLEAR =
  'the quoting around this expression is unclear; assign it to a variable at the top of the script: v=<+…>';

async function compile(tools: Tools, { script, declared, syntax }: Source): Promise<CompileResult> {
  const source = script.replace(/\r(?=\n|$)/g, '');
  const nul = source.indexOf('\0');
  if (nul !== -1) return failure(source, syntax, [{ at: nul, message: 'bash cannot read a NUL character' }]);

  const survey = await surveyOf(tools, source, parseExpressions(source, syntax, declared));
  const { expressions, masked, reading, verdict, grammarError } = survey;
  const { faults, placed, slots } = placeAll(survey, declared);
  faults.push(...reservedNames(source, expressions), ...scriptFaults(masked, reading, verdict, grammarError));
  if (faults.length > 0) return failure(source, syntax, faults);

  const text = emit(source, reading, placed);
  if (placed.length > 0) await assertSound(tools, text, placed, grammarError === undefined);
  return { ok: true, program: { text, digest: digestOf(text), slots } };
}

/** What is to be known of a script before its expressions can be placed. */
interface Survey extends FoundExpressions {
  /** The script with a name in place of every expression. */
  masked: string;
  reading: Reading;
  verdict: Verdict;
  /** Where the grammar first fails, if it does. */
  grammarError: number | undefined;
  /** The expressions whose quoting the grammar does not confirm. */
  unclear: Set<FoundExpression>;
}

async function surveyOf(tools: Tools, source: string, found: FoundExpressions): Promise<Survey> {
  const masked = mask(source, found.expressions);
  const reading = readShell(masked);
  const verdict = await tools.checkSyntax(masked);
  const confirms = (root: Node, { start, end }: FoundExpression) =>
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

function placeAll(survey: Survey, declared: readonly InputName[]) {
  const { expressions, unterminated, masked, reading, verdict, unclear } = survey;
  const faults: Fault[] = unterminated
    .filter(({ start }) => regionAt(reading.root, start).kind !== 'comment')
    .map(({ start, text }) => ({ at: start, message: `${text} has no closing > on its line` }));
  const placed: Placed[] = [];
  const slots: Expression[] = [];
  for (const expression of expressions) {
    const { start, end } = expression;
    const placement = place(reading, masked, start, end);
    if ('problem' in placement) faults.push({ at: start, message: placement.problem });
    // Of a script that is not bash the mistake itself is shown, not what follows from it.
    else if (unclear.has(expression) && verdict.kind !== 'invalid')
      faults.push({ at: start, message: UNCLEAR });
    else if (placement.form === 'dropped') placed.push({ start, end, form: 'dropped', number: 0 });
    else placed.push({ start, end, form: placement.form, number: numberOf(slots, expression) });
    const isUsed = !('form' in placement && placement.form === 'dropped');
    const problem = isUsed ? whyNotKnown(expression, declared) : undefined;
    if (problem !== undefined) faults.push({ at: start, message: problem });
  }
  const excess = placed.find(({ number }) => number > limits.inputs);
  if (excess !== undefined)
    faults.push({ at: excess.start, message: `more than ${limits.inputs} different expressions` });
  return { faults, placed, slots };
}

/**
 * Names that begin like our variables are ours: a script could otherwise read, change or shadow an input. Those
 * that begin like a short mask would pass for an expression, where there is one.
 */
function reservedNames(source: string, expressions: readonly FoundExpression[]): Fault[] {
  const rest = replaceAll(source, expressions, ({ text }) => ' '.repeat(text.length));
  const reserved = expressions.length > 0 ? /__l(?:egate)?_\w*/g : /__legate_\w*/g;
  return Array.from(rest.matchAll(reserved), ({ index, 0: name }) => {
    const what = name.startsWith('__legate_') ? '__legate_ hold' : '__l_ stand for';
    return { at: index, message: `${name} is reserved: names that begin with ${what} the inputs` };
  });
}

/** The number of the variable for an expression: 1 for the first that is used. What isn't understood fails anyway. */
function numberOf(slots: Expression[], { meaning }: FoundExpression): number {
  if (!meaning.ok) return 0;
  const known = slots.findIndex(slot => isDeepStrictEqual(slot, meaning.expression));
  return known === -1 ? slots.push(meaning.expression) : known + 1;
}

function whyNotKnown({ meaning }: FoundExpression, declared: readonly InputName[]): string | undefined {
  if (!meaning.ok) return meaning.problem;
  for (const node of nodesOf(meaning.expression)) {
    if (node.kind !== 'input' || declared.some(input => sameInput(input, node))) continue;
    const known = declared.length === 0 ? ' no inputs' : `: ${declared.map(inputLabel).join(', ')}`;
    return `unknown input "${inputLabel(node)}"; the template declares${known}`;
  }
  return undefined;
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

function failure(source: string, syntax: ExpressionSyntax, faults: Fault[]): CompileResult {
  const sorted = faults.toSorted((a, b) => a.at - b.at);
  const inSyntax = (message: string) => (syntax === 'NG' ? message : message.replaceAll('<+…>', '${…}'));
  const problems = sorted.map(({ at, message }) => {
    return { ...positionAt(source, at), message: inSyntax(message) };
  });
  return { ok: false, problems };
}

function positionAt(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
