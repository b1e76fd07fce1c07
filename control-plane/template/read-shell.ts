import { HereDocumentReader, META } from './here-document-reader.ts';
import type { HereDocument, Reading } from './shell-reading.ts';
import { ASSIGNMENT, BEFORE_COMMAND, DECLARATION } from './simple-command.ts';

/**
 * Reads the quoting of a bash script: a second opinion beside the grammar.
 *
 * The grammar knows statements but misreads some words without saying so, and loses its place for a while
 * where it reports an error. This reader knows only what decides how a word is quoted, and follows bash's own
 * rules for that. An expression is placed only where the two agree.
 *
 * It never throws for a wrong script: what it cannot close is reported in `unclosed`.
 */
export function readShell(text: string): Reading {
  const reader = new CommandReader(text);
  return reader.read();
}

const SEPARATOR = /;;&|;;|;&|;|&&|&|\|\||\|&|\|/y;
const REDIRECT = /&>>|&>|<<<|<<-|<<|<&|<>|<|>>|>&|>\||>/y;

/** Where `case` stands: its subject, the word `in`, a pattern, the commands of a branch; or a plain `(`. */
type Nest = 'subject' | 'in' | 'pattern' | 'branch' | 'paren';

/** What the words of one `commands` region have said so far. */
interface Progress {
  nest: Nest[];
  expectsCommand: boolean;
  takesAssignments: boolean;
  inTest: boolean;
  /** What began the present command, where that changes how its words are read. */
  opener: 'for' | 'function' | 'declaration' | undefined;
  waiting: HereDocument[];
}

class CommandReader extends HereDocumentReader {
  read(): Reading {
    const root = this.region;
    this.commands(undefined);
    root.end = this.text.length;
    this.unclosed.sort((a, b) => a.at - b.at);
    return { root, hereDocuments: this.hereDocuments, unclosed: this.unclosed };
  }

  override commands(closer: ')' | undefined): boolean {
    const at = newProgress(true);
    while (this.pos < this.limit) {
      const c = this.char();
      if (c === ' ' || c === '\t') this.pos += 1;
      else if (c === '\\' && this.char(1) === '\n') this.pos += 2;
      else if (c === '\n') this.newline(at);
      else if (c === '#') this.comment();
      else if (c === '(') this.openParenthesis(at);
      else if (c === ')') {
        if (this.closeParenthesis(at, closer)) return this.settle(at);
      } else if (!this.operator(at)) this.word(at);
    }
    return this.settle(at) && closer === undefined;
  }

  /** Here-documents that still wait for a newline have no body. */
  settle(at: Progress): boolean {
    for (const { start } of at.waiting) this.unclosed.push({ at: start, what: '<<' });
    return true;
  }

  separate(at: Progress, start: number): void {
    this.token(at.inTest ? 'mark' : 'separator', start);
    if (at.inTest) return;
    at.expectsCommand = true;
    at.takesAssignments = true;
    at.opener = undefined;
  }

  newline(at: Progress): void {
    this.pos += 1;
    if (at.nest.at(-1) !== 'subject' && at.nest.at(-1) !== 'in') this.separate(at, this.pos - 1);
    for (const hereDocument of at.waiting.splice(0)) this.hereDocumentBody(hereDocument);
  }

  comment(): void {
    const end = this.text.indexOf('\n', this.pos);
    this.within('comment', 1, '', () => {
      this.pos = end === -1 || end > this.limit ? this.limit : end;
      return true;
    });
  }

  openParenthesis(at: Progress): void {
    const start = this.pos;
    const mayCount = at.expectsCommand || at.opener === 'for';
    if (!at.inTest && mayCount && this.char(1) === '(' && this.arithmetic(2, '))')) {
      return this.separate(at, this.pos);
    }
    this.pos += 1;
    this.separate(at, start);
    if (!at.inTest && at.nest.at(-1) !== 'pattern') at.nest.push('paren');
  }

  /** True when this parenthesis ends the region. */
  closeParenthesis(at: Progress, closer: ')' | undefined): boolean {
    const start = this.pos;
    this.pos += 1;
    const top = at.nest.at(-1);
    if (!at.inTest && closer === ')' && top === undefined) return true;
    if (!at.inTest && top === 'paren') at.nest.pop();
    if (!at.inTest && top === 'pattern') at.nest.splice(-1, 1, 'branch');
    this.separate(at, start);
    return false;
  }

  /** Reads a separator or a redirection; false when there is none here. */
  operator(at: Progress): boolean {
    const start = this.pos;
    const isSubstitution = (this.char() === '<' || this.char() === '>') && this.char(1) === '(';
    const redirect = isSubstitution || at.inTest ? undefined : this.match(REDIRECT);
    if (redirect !== undefined) {
      this.pos += redirect.length;
      this.token('redirect', start);
      if (redirect === '<<' || redirect === '<<-') {
        at.waiting.push(this.hereDocumentStart(start, redirect === '<<-'));
      }
      return true;
    }
    const separator = this.match(SEPARATOR) ?? (at.inTest ? this.match(/[<>]/y) : undefined);
    if (separator === undefined || (isSubstitution && !at.inTest)) return false;
    this.pos += separator.length;
    this.separate(at, start);
    if (separator.startsWith(';') && separator !== ';' && at.nest.at(-1) === 'branch') {
      at.nest.splice(-1, 1, 'pattern');
    }
    return true;
  }

  word(at: Progress): void {
    const start = this.pos;
    while (this.pos < this.limit) {
      const c = this.char();
      if ((c === '<' || c === '>') && this.char(1) === '(' && (this.pos === start || !at.inTest)) {
        this.within('commands', 2, ')', () => this.commands(')'));
      } else if (c === '(' && this.startsArray(start, at)) {
        this.array();
      } else if (c === '(' && this.pos > start && this.startsExtendedPattern(at)) {
        this.extendedPattern();
      } else if (META.includes(c)) {
        break;
      } else if (c === '[' && this.startsSubscript(start, at)) {
        this.subscript();
      } else {
        this.quotable(false);
      }
    }
    if (this.pos === start) this.pos += 1; // a stray `)` or the like: never stand still
    const isDescriptor =
      /^(\d+|\{\w+\})$/.test(this.text.slice(start, this.pos)) && /^[<>]/.test(this.char());
    if (!isDescriptor) this.noteWord(at, start);
  }

  /** Records a word and works out what the next one may be. */
  noteWord(at: Progress, start: number): void {
    const word = this.text.slice(start, this.pos);
    const last = this.region.tokens.at(-1);
    if (last?.kind === 'redirect') return this.token('target', start);
    const top = at.nest.at(-1);
    if (top === 'subject') at.nest.splice(-1, 1, 'in');
    if (top === 'in' && word === 'in') {
      at.nest.splice(-1, 1, 'pattern');
      return this.separate(at, start);
    }
    if (word === 'do' && at.opener === 'for' && this.isSecondAfterFor()) return this.separate(at, start);
    const endsCase = word === 'esac' && last?.kind === 'separator';
    if (top === 'pattern' && !endsCase) return this.token('pattern', start);
    this.token('word', start);
    if (top === 'pattern') at.nest.pop();
    if (at.inTest) {
      at.inTest = word !== ']]';
    } else if (at.expectsCommand) {
      if (word === 'case') at.nest.push('subject');
      if (word === 'esac' && top === 'branch') at.nest.pop();
      at.inTest = word === '[[';
    }
    this.noteOpener(at, word);
  }

  noteOpener(at: Progress, word: string): void {
    const isPrefix = ASSIGNMENT.test(word) || (at.expectsCommand && BEFORE_COMMAND.has(word));
    const isFunctionName = at.opener === 'function';
    if (at.takesAssignments && DECLARATION.has(word)) at.opener = 'declaration';
    else if (at.expectsCommand && (word === 'for' || word === 'function')) at.opener = word;
    else if (isFunctionName) at.opener = undefined;
    at.takesAssignments = at.opener === 'declaration' || (at.takesAssignments && isPrefix);
    at.expectsCommand = isFunctionName || (at.expectsCommand && BEFORE_COMMAND.has(word));
  }

  /** `for x do`: the one place where `do` follows a word. */
  isSecondAfterFor(): boolean {
    const word = this.region.tokens.at(-2);
    return word?.kind === 'word' && this.text.slice(word.start, word.end) === 'for';
  }

  /** `a[1]=b`, and `[1]=b` among the words of an array. */
  startsSubscript(start: number, at: Progress): boolean {
    if (this.region.kind === 'array') return this.pos === start;
    return at.takesAssignments && /^[A-Za-z_]\w*$/.test(this.text.slice(start, this.pos));
  }

  startsArray(start: number, at: Progress): boolean {
    return at.takesAssignments && /^[A-Za-z_]\w*(\[[^\]]*\])?\+?=$/.test(this.text.slice(start, this.pos));
  }

  startsExtendedPattern(at: Progress): boolean {
    const isCommandName = at.expectsCommand && at.nest.at(-1) !== 'pattern';
    return !isCommandName && '?*+@!'.includes(this.text.charAt(this.pos - 1));
  }

  array(): void {
    const at = newProgress(false);
    this.within('array', 1, ')', () => {
      while (this.pos < this.limit && this.char() !== ')') {
        if (' \t\n'.includes(this.char())) this.pos += 1;
        else if (this.char() === '\\' && this.char(1) === '\n') this.pos += 2;
        else if (this.char() === '#') this.comment();
        else this.word(at);
      }
      this.pos += 1;
      return this.pos <= this.limit;
    });
  }

  /** `@(a|b)` and its kin: part of the word that it stands in. */
  extendedPattern(): void {
    let open = 0;
    while (this.pos < this.limit) {
      const c = this.char();
      if (c === '\n') return;
      if (c === '(') open += 1;
      if (c === ')') open -= 1;
      if (c === '(' || c === ')') this.pos += 1;
      else this.quotable(false);
      if (open === 0) return;
    }
  }
}

function newProgress(atCommand: boolean): Progress {
  const nothing = { nest: [], inTest: false, opener: undefined, waiting: [] };
  return { ...nothing, expectsCommand: atCommand, takesAssignments: atCommand };
}
