import { holdsMask } from './mask.ts';
import type { Reading, Region, Token } from './shell-reading.ts';

/** Words that may stand before a command, behind which bash still expects one. */
export const BEFORE_COMMAND = new Set('if then elif else do while until ! { time coproc'.split(' '));
export const DECLARATION = new Set(['declare', 'typeset', 'export', 'readonly', 'local']);
export const ASSIGNMENT = /^(?<name>[A-Za-z_]\w*)(\[.*?\])?\+?=/s;

export interface Word {
  text: string;
  start: number;
  end: number;
}

export interface SimpleCommand {
  /** Without leading reserved words and without redirections. */
  words: Word[];
  /** Index in `words` of the word around the offset that was asked for; -1 when it is in none of them. */
  index: number;
  /** Index of the command's name in `words`: behind assignments, `command` and `builtin`. */
  nameIndex: number;
  /** The name without quotes, or undefined when it is not constant. */
  name: string | undefined;
  /** Everything between the separators, redirections too. */
  tokens: Token[];
}

/** The simple command around `offset` of the words in `holder`. */
export function commandAt(text: string, holder: Region, offset: number): SimpleCommand {
  const tokens = between(holder, offset);
  const all = tokens
    .filter(({ kind }) => kind === 'word')
    .map(({ start, end }) => ({ text: text.slice(start, end), start, end }));
  let first = all[0]?.text === 'function' && all.length > 2 ? 2 : 0;
  while (isBeforeCommand(all, first)) first += 1;
  const words = all.slice(first);
  let nameIndex = words.findIndex(word => !ASSIGNMENT.test(word.text));
  if (nameIndex === -1) nameIndex = words.length;
  while (isPrefix(words[nameIndex])) {
    nameIndex += 1;
    while (words[nameIndex]?.text.startsWith('-')) nameIndex += 1;
  }
  const name = constant(words[nameIndex]?.text ?? '');
  const index = words.findIndex(({ start, end }) => start <= offset && offset < end);
  return { words, index, nameIndex, name, tokens };
}

/** The tokens between the separators before and after `offset`. */
function between(holder: Region, offset: number): Token[] {
  const { tokens } = holder;
  const before = tokens.findLastIndex(token => token.kind === 'separator' && token.start < offset);
  const after = tokens.findIndex(token => token.kind === 'separator' && token.start >= offset);
  return tokens.slice(before + 1, after === -1 ? undefined : after);
}

function isBeforeCommand(words: Word[], index: number): boolean {
  const text = words[index]?.text ?? '';
  return BEFORE_COMMAND.has(text) || (text === '-p' && words[index - 1]?.text === 'time');
}

function isPrefix(word: Word | undefined): boolean {
  return word !== undefined && ['command', 'builtin'].includes(constant(word.text) ?? '');
}

/** What a word without expansions says once its quotes are removed; undefined for any other word. */
export function constant(word: string): string | undefined {
  return /[$`]/.test(word) || holdsMask(word) ? undefined : word.replace(/['"\\]/g, '');
}

/** The letters of the options among `words`. */
export function optionLetters(words: Word[]): string {
  const options = words.filter(({ text }) => /^[-+]/.test(text));
  return options.map(({ text }) => text.replace(/[-+]/g, '')).join('');
}

/** The attributes that the declarations of a script give to its variables: name to option letters. */
export function declaredAttributes(reading: Reading, text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  const visit = (region: Region) => {
    for (const token of region.tokens) {
      const word = constant(text.slice(token.start, token.end));
      if (token.kind === 'word' && DECLARATION.has(word ?? '')) {
        noteDeclaration(commandAt(text, region, token.start), attributes);
      }
    }
    region.inner.forEach(visit);
  };
  visit(reading.root);
  return attributes;
}

function noteDeclaration({ words, nameIndex }: SimpleCommand, attributes: Map<string, string>): void {
  const rest = words.slice(nameIndex + 1);
  const letters = optionLetters(rest);
  for (const word of rest) {
    const name = /^["']?(\w+)/.exec(word.text)?.[1];
    if (name !== undefined) attributes.set(name, (attributes.get(name) ?? '') + letters);
  }
}
