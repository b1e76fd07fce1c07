/** What an expression stands for. */
export type Reference = { kind: 'input'; name: string } | { kind: 'unsupported'; problem: string };

/** `text` is the whole expression, `<+` and `>` included; the offsets are UTF-16 code units, `end` exclusive. */
export interface Expression {
  start: number;
  end: number;
  text: string;
  reference: Reference;
}

/** A `<+` that no `>` closes before the end of its line. */
export interface Unterminated {
  start: number;
  text: string;
}

export interface Expressions {
  expressions: Expression[];
  unterminated: Unterminated[];
}

type Token =
  | { kind: 'path' | 'string' | 'number' | 'punctuation'; text: string }
  | { kind: 'nested'; expression: Expression };

const MAX_DEPTH = 20;
const TOKEN =
  /(?<space>[^\S\n]+)|(?<path>[a-zA-Z_][\w.$-]*)|(?<number>\d+(?:\.\d+)?)|(?<string>"[^"\n]*"|'[^'\n]*')|(?<punctuation>[^\n>"'])/y;
const INPUT =
  /^(?:connector\.spec|spec|secretManager)\.environmentVariables\.([a-zA-Z_][0-9a-zA-Z_.$-]{0,127})$/;

/**
 * Finds the top-level expressions `<+ … >` of a text, in order; those nested inside another belong to it.
 * An expression stands on one line.
 */
export function findExpressions(text: string): Expressions {
  const found: Expressions = { expressions: [], unterminated: [] };
  for (let at = text.indexOf('<+'); at !== -1; ) {
    const expression = readExpression(text, at);
    if (expression === undefined) {
      found.unterminated.push({ start: at, text: text.slice(at, endOfLine(text, at)).trimEnd() });
    } else {
      found.expressions.push(expression);
    }
    at = text.indexOf('<+', expression?.end ?? endOfLine(text, at));
  }
  return found;
}

/** Reads the expression that begins at `start`; undefined when its line ends first, or it nests absurdly. */
function readExpression(text: string, start: number, depth = 0): Expression | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const tokens: Token[] = [];
  for (let at = start + 2; at < text.length; ) {
    if (text[at] === '>') {
      const whole = text.slice(start, at + 1);
      return { start, end: at + 1, text: whole, reference: interpret(tokens, whole) };
    }
    if (text.startsWith('<+', at)) {
      const expression = readExpression(text, at, depth + 1);
      if (expression === undefined) return undefined;
      tokens.push({ kind: 'nested', expression });
      at = expression.end;
      continue;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    at = TOKEN.lastIndex;
    const token = tokenOf(match.groups ?? {});
    if (token !== undefined) tokens.push(token);
  }
  return undefined;
}

function tokenOf(groups: Record<string, string | undefined>): Token | undefined {
  for (const kind of ['path', 'number', 'string', 'punctuation'] as const) {
    const text = groups[kind];
    if (text !== undefined) return { kind, text };
  }
  return undefined;
}

/** The language so far: one path, to an input. Everything else has tokens already, and no meaning yet. */
function interpret(tokens: Token[], whole: string): Reference {
  const [only, ...more] = tokens;
  const name = only?.kind === 'path' && more.length === 0 ? INPUT.exec(only.text)?.[1] : undefined;
  if (name !== undefined) return { kind: 'input', name };
  const hint = 'write <+secretManager.environmentVariables.NAME> to use an input';
  return { kind: 'unsupported', problem: `${whole} is not supported yet; ${hint}` };
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end;
}
