import { type Reading, type Region, tokenAt, wordsAround } from './shell-reading.ts';
import {
  ASSIGNMENT,
  commandAt,
  constant,
  DECLARATION,
  declaredAttributes,
  type SimpleCommand,
  type Word,
} from './simple-command.ts';

/** Where an expression stands: its innermost region, the one that holds its word, and those between. */
export interface Spot {
  reading: Reading;
  text: string;
  start: number;
  region: Region;
  holder: Region;
  chain: Region[];
}

/**
 * What the value is to its command. An `argument` is one of a list of words, so that an empty one standing
 * alone leaves no word, as it did when values were pasted. An `operand` is a word that must be there.
 */
export type Role = 'argument' | 'operand' | { problem: string };

/** Builtins that run their arguments as code, or keep them to be run. */
const CODE = new Set('eval trap source . alias complete compgen bind fc enable'.split(' '));
/** Builtins whose arguments are names of variables: bash evaluates an index in them, commands included. */
const NAMES = new Set('unset read mapfile readarray getopts wait'.split(' '));
const SHELL = /(^|\/)((ba|da|z|k|a)?sh|su)$/;
const ARITHMETIC_TEST = /^-(eq|ne|lt|le|gt|ge)$/;
/** Variables whose value bash evaluates by itself: as arithmetic, as text to expand, or to find code. */
const EVALUATED = new Set([
  ...['RANDOM', 'SRANDOM', 'SECONDS', 'HISTCMD', 'OPTIND', 'LINENO'],
  ...['PS0', 'PS1', 'PS2', 'PS4', 'PROMPT_COMMAND', 'BASH_ENV', 'ENV', 'BASH_ALIASES', 'BASH_CMDS'],
]);

export const ASSIGN_FIRST = 'assign it to a variable first, v=<+…>, and use "$v" here';
const NOT_AS_CODE = 'would run as code; pass it as an argument or in a variable: v=<+…>';
const FORMAT = "a value cannot be the format of printf; write printf '%s' in front of it";
const NOT_AS_NAME = 'a value cannot be the name of a variable or a function';

/** The message for a place where bash would evaluate a value as arithmetic, and run what an index holds. */
export function arithmetic(where: string): string {
  return `${where} bash would also run commands that the value holds; assign it first and check that it is a number: n=<+…>; [[ $n =~ ^[0-9]+$ ]] || exit 1`;
}

/** What the value at `spot` is to its command, or why it cannot stand there. */
export function roleAt(spot: Spot): Role {
  const { reading, text, start, holder, chain } = spot;
  const owner = reading.hereDocuments.find(({ body }) => chain.includes(body));
  if (owner !== undefined) return asInput(commandAt(text, holder, owner.start));
  const token = tokenAt(holder, start);
  if (token === undefined) return { problem: `a value cannot stand here; ${ASSIGN_FIRST}` };
  const command = commandAt(text, holder, start);
  if (holder.kind === 'array' && holder.parent !== undefined) {
    const outer = roleAt({ ...spot, holder: wordsAround(holder.parent) });
    return outer === 'operand' ? 'argument' : outer;
  }
  if (token.kind === 'pattern') return 'operand';
  if (token.kind !== 'target') return asWord(spot, command);
  const redirect = command.tokens.findLast(({ kind, end }) => kind === 'redirect' && end <= token.start);
  return text.slice(redirect?.start, redirect?.end) === '<<<' ? asInput(command) : 'operand';
}

/** The value reaches the command on its standard input, where a shell would run it. */
function asInput({ words, name }: SimpleCommand): Role {
  const shell = words.findIndex(word => SHELL.test(constant(word.text) ?? ''));
  const runsInput =
    shell !== -1 && words.slice(shell + 1).every(({ text }) => /^[-+]/.test(text) && !/^-\w*c/.test(text));
  const sources = name === 'source' || name === '.';
  return runsInput || sources ? { problem: `in the input of a shell the value ${NOT_AS_CODE}` } : 'operand';
}

function asWord(spot: Spot, command: SimpleCommand): Role {
  const { words, nameIndex, name, index } = command;
  const word = words[index];
  if (word === undefined) return { problem: NOT_AS_NAME };
  const before = word.text.slice(0, spot.start - word.start);
  const isListLoop = words[0]?.text === 'for' || words[0]?.text === 'select';
  if (isListLoop) return index === 1 ? { problem: NOT_AS_NAME } : 'argument';
  if (words[0]?.text === 'case') return 'operand';
  if (index < nameIndex) return asAssigned(spot, before);
  const makesFunction = /^\s*\(\s*\)/.test(spot.text.slice(word.end));
  if (index === nameIndex) return makesFunction ? { problem: NOT_AS_NAME } : asCommandName(command, word);
  if (name === '[[') return asTestOperand(spot, command);
  if (name === '[' || name === 'test') return asTestArgument(command);
  if (name !== undefined && DECLARATION.has(name)) return asDeclared(spot, command, word, before);
  return asArgument(command, before);
}

/** An assignment whose name, and so the whole text in front of the value, is constant. */
function asAssigned(spot: Spot, before: string): Role {
  const name = ASSIGNMENT.exec(before)?.groups?.name;
  if (name === undefined) return { problem: NOT_AS_NAME };
  if (EVALUATED.has(name)) return { problem: `bash evaluates what ${name} holds; use another variable` };
  const attributes = declaredAttributes(spot.reading, spot.text).get(name) ?? '';
  if (/i/.test(attributes)) return { problem: arithmetic(`in ${name}, which is declared an integer,`) };
  if (/n/.test(attributes)) return { problem: NOT_AS_NAME };
  return 'operand';
}

function asDeclared(spot: Spot, command: SimpleCommand, word: Word, before: string): Role {
  const assigned = before.replace(/^["']/, '');
  const role = asAssigned(spot, assigned);
  if (role !== 'operand') return role;
  const name = ASSIGNMENT.exec(assigned)?.groups?.name ?? '';
  const attributes = declaredAttributes(spot.reading, spot.text).get(name) ?? '';
  const isArray = word.text.startsWith('(', ASSIGNMENT.exec(word.text)?.[0].length);
  if (/[aA]/.test(attributes) && !isArray) {
    return {
      problem: `${command.name} would expand the value as the words of an array; write ${name}=("$v")`,
    };
  }
  return 'operand';
}

/** An input that decides which builtin runs could make code of the other words. */
function asCommandName({ words, nameIndex, tokens }: SimpleCommand, word: Word): Role {
  const others = words.slice(nameIndex + 1);
  const isConstant = others.every(({ text }) => constant(text) !== undefined);
  if (word.text.includes('/') || (isConstant && !tokens.some(({ kind }) => kind === 'redirect')))
    return 'argument';
  return {
    problem: 'a value that names the command cannot be used with other values; write the name of the command',
  };
}

function asTestOperand(spot: Spot, { words, index, tokens }: SimpleCommand): Role {
  const [previous, next] = [words[index - 1]?.text ?? '', words[index + 1]?.text ?? ''];
  const operator = [previous, next].find(word => ARITHMETIC_TEST.test(word));
  if (operator !== undefined) return { problem: arithmetic(`beside ${operator} in [[ ]]`) };
  if (previous === '-v' || previous === '-R') return { problem: NOT_AS_NAME };
  const textOf = ({ start, end }: { start: number; end: number }) => spot.text.slice(start, end);
  const earlier = tokens.filter(({ start }) => start < spot.start).map(textOf);
  const operand = earlier.slice(earlier.findLastIndex(text => text === '&&' || text === '||') + 1);
  if (spot.region === spot.holder && operand.includes('=~')) {
    return {
      problem:
        'a value is compared as plain text, not as a pattern; put it in double quotes, or assign it, v=<+…>, and use $v',
    };
  }
  return 'operand';
}

/** `[ a b ]` takes `a` for an operator, and `-v` would evaluate an index in `b`. */
function asTestArgument({ words, index }: SimpleCommand): Role {
  const [previous, next] = [words[index - 1], words[index + 1]];
  const operator = previous === undefined ? undefined : constant(previous.text);
  if (operator === '-v' || operator === '-R') return { problem: NOT_AS_NAME };
  const isDynamic = (word: Word | undefined) => word !== undefined && constant(word.text) === undefined;
  if (isDynamic(previous) || isDynamic(next)) {
    return {
      problem: 'the test could take the value for an operator; write the operator between the two words',
    };
  }
  return 'operand';
}

function asArgument(command: SimpleCommand, before: string): Role {
  const { words, index, name = '' } = command;
  if (isShellCode(words, index)) return { problem: `behind -c the value ${NOT_AS_CODE}` };
  if (CODE.has(name)) return { problem: `in ${name} the value ${NOT_AS_CODE}` };
  if (NAMES.has(name)) return { problem: `${name} takes names of variables, and a value cannot be one` };
  if (name === 'let') return { problem: arithmetic('in let') };
  return name === 'printf' ? asPrintfArgument(command, before) : 'argument';
}

/** Bash takes a format that begins with -v for an option, and what follows for the name of a variable. */
function asPrintfArgument({ words, index, nameIndex }: SimpleCommand, before: string): Role {
  const position = index - nameIndex;
  if (position === 2 && words[index - 1]?.text === '-v') return { problem: NOT_AS_NAME };
  if (position > 1) return 'argument';
  if (/^["']?-/.test(before)) return { problem: NOT_AS_NAME };
  return /^["']?$/.test(before) ? { problem: FORMAT } : 'argument';
}

/** The word behind `-c` of a shell, also when something like sudo or env starts that shell. */
function isShellCode(words: Word[], index: number): boolean {
  const shell = words.findIndex(word => SHELL.test(constant(word.text) ?? ''));
  const option = words.findIndex((word, at) => at > shell && /^-[a-z]*c[a-z]*$/i.test(word.text));
  const code = words.findIndex((word, at) => at > option && !/^[-+]/.test(word.text));
  return shell !== -1 && option !== -1 && code === index;
}
