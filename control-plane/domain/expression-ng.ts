/** Reads `<+…>`. */
import type { Expression, FoundExpression, FoundExpressions, Understood } from './expression.ts';
import { joined } from './expression-tree.ts';

type Token =
  | { kind: 'path' | 'number' | 'punctuation'; text: string }
  /** A quoted text, or a nested expression. */
  | { kind: 'part'; meaning: Understood };

/** An expression and the index of the token behind it. */
type Taken = { expression: Expression; next: number } | undefined;

const maxDepth = 20;
const plainToken =
  /(?<space>[^\S\n]+)|(?<path>[a-zA-Z_][\w.$-]*)|(?<number>\d+(?:\.\d+)?)|(?<punctuation>[^\n>"'])/y;
const input = /^(environmentVariables|inputVariables)\.([a-zA-Z_][0-9a-zA-Z_.$-]{0,127})$/;
const scalar = /^(?!(?:environmentVariables|inputVariables)(?:\.|$))[a-zA-Z_][\w$-]*(?:\.[\w$-]+)*$/;

/** An expression stands on one line. */
export function findNg(text: string): FoundExpressions {
  const expressions: FoundExpression[] = [];
  const unterminated: { start: number; text: string }[] = [];
  for (let at = text.indexOf('<+'); at !== -1; ) {
    const found = readExpression(text, at, 0);
    if (found === undefined)
      unterminated.push({ start: at, text: text.slice(at, endOfLine(text, at)).trimEnd() });
    else expressions.push(found);
    at = text.indexOf('<+', found?.end ?? endOfLine(text, at));
  }
  return { expressions, unterminated };
}

/** Reads the expression that begins at `start`; undefined when its line ends first, or it nests absurdly. */
function readExpression(text: string, start: number, depth: number): FoundExpression | undefined {
  if (depth > maxDepth) return undefined;
  const tokens: Token[] = [];
  for (let at = start + 2; at < text.length; ) {
    if (text[at] === '>') {
      const whole = text.slice(start, at + 1);
      return { start, end: at + 1, text: whole, meaning: interpret(tokens, whole) };
    }
    const part = readPart(text, at, depth);
    if (part === 'broken') return undefined;
    if (part !== undefined) {
      tokens.push({ kind: 'part', meaning: part.meaning });
      at = part.end;
      continue;
    }
    plainToken.lastIndex = at;
    const match = plainToken.exec(text);
    if (match === null) return undefined;
    at = plainToken.lastIndex;
    const token = tokenOf(match.groups ?? {});
    if (token !== undefined) tokens.push(token);
  }
  return undefined;
}

/** A nested expression or a quoted text, where one begins at `at`. */
function readPart(
  text: string,
  at: number,
  depth: number,
): { end: number; meaning: Understood } | 'broken' | undefined {
  if (text.startsWith('<+', at)) return readExpression(text, at, depth + 1) ?? 'broken';
  const mark = text.charAt(at);
  return mark === '"' || mark === "'" ? readQuoted(text, at, mark, depth) : undefined;
}

/** A text in quotes, in which expressions may stand: templates quote a nested one as often as not. */
function readQuoted(text: string, start: number, mark: string, depth: number) {
  const parts: Expression[] = [];
  let problem: Understood | undefined;
  let from = start + 1;
  for (let at = from; at < text.length && text[at] !== '\n'; at += 1) {
    const isEnd = text[at] === mark;
    const nested = text.startsWith('<+', at) ? readExpression(text, at, depth + 1) : undefined;
    if (!isEnd && nested === undefined) {
      if (text.startsWith('<+', at)) return 'broken';
      continue;
    }
    parts.push({ kind: 'text', text: text.slice(from, at) });
    if (nested === undefined) {
      const meaning = problem ?? { ok: true as const, expression: joined(parts) };
      return { end: at + 1, meaning };
    }
    if (nested.meaning.ok) parts.push(nested.meaning.expression);
    else problem ??= nested.meaning;
    from = nested.end;
    at = from - 1;
  }
  return 'broken';
}

function tokenOf(groups: Record<string, string | undefined>): Token | undefined {
  for (const kind of ['path', 'number', 'punctuation'] as const) {
    const text = groups[kind];
    if (text !== undefined) return { kind, text };
  }
  return undefined;
}

function interpret(tokens: readonly Token[], whole: string): Understood {
  for (const token of tokens) if (token.kind === 'part' && !token.meaning.ok) return token.meaning;
  const taken = takeSum(tokens, 0, 0);
  if (taken?.next === tokens.length) return { ok: true, expression: taken.expression };
  const [only, ...more] = tokens;
  const isInput = only?.kind === 'path' && only.text === 'input' && more.length === 0;
  const problem = isInput
    ? '<+input> stands only as the whole value of an input; name the input here: <+secretManager.environmentVariables.NAME>'
    : `${cut(whole)} is not understood; write <+secretManager.environmentVariables.NAME> for an input, ` +
      'or <+secrets.getValue("account.NAME")> for a secret';
  return { ok: false, problem };
}

/** `+` puts texts together; nothing here counts. */
function takeSum(tokens: readonly Token[], start: number, depth: number): Taken {
  const parts: Expression[] = [];
  for (let at = start; ; ) {
    const taken = takeTerm(tokens, at, depth);
    if (taken === undefined) return undefined;
    parts.push(taken.expression);
    if (!isMark(tokens[taken.next], '+')) return { expression: joined(parts), next: taken.next };
    at = taken.next + 1;
  }
}

function takeTerm(tokens: readonly Token[], at: number, depth: number): Taken {
  const token = tokens[at];
  if (token === undefined || token.kind === 'punctuation' || depth > maxDepth) return undefined;
  if (token.kind === 'part')
    return token.meaning.ok ? { expression: token.meaning.expression, next: at + 1 } : undefined;
  if (token.kind === 'number') return { expression: { kind: 'text', text: token.text }, next: at + 1 };
  if (token.text === 'secrets.getValue' && isMark(tokens[at + 1], '(')) {
    const argument = takeSum(tokens, at + 2, depth + 1);
    if (argument === undefined || !isMark(tokens[argument.next], ')')) return undefined;
    const expression = { kind: 'secret' as const, by: 'reference' as const, argument: argument.expression };
    return { expression, next: argument.next + 1 };
  }
  const expression = fromPath(token.text);
  return expression && { expression, next: at + 1 };
}

/** All paths name nodes of one document; `secretManager` is an alias of its `spec`. */
function fromPath(written: string): Expression | undefined {
  const path = /^(?:connector\.spec|spec|secretManager)\.(.+)$/.exec(written)?.[1];
  if (path === undefined) return undefined;
  const [, list, name] = input.exec(path) ?? [];
  if (name !== undefined && (list === 'environmentVariables' || list === 'inputVariables'))
    return { kind: 'input', list, name };
  return scalar.test(path) ? { kind: 'path', path } : undefined;
}

const isMark = (token: Token | undefined, mark: string) =>
  token?.kind === 'punctuation' && token.text === mark;

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end;
}

const cut = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
