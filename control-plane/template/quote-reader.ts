import type { HereDocument, Region, RegionKind, Token } from './shell-reading.ts';

/** Deeper nesting than anyone writes; keeps a hostile script from exhausting the stack. */
const MAX_DEPTH = 100;
const PARAMETER_NAME = /[!#]?(?:[A-Za-z_]\w*|\d+|[@*#?$!-])?/y;
const PARAMETER_OPERATOR = /:?[-=+?]|##?|%%?|\/[/#%]?|\^\^?|,,?|@|:/y;
const NAME = /[A-Za-z_]\w*/y;

/** Walks over a text and reads quotes and expansions; what commands are is for another class to say. */
export abstract class QuoteReader {
  readonly text: string;
  pos = 0;
  /** Where the text ends for now: the content of backticks and of here-documents is read on its own. */
  limit: number;
  region: Region;
  depth = 0;
  readonly hereDocuments: HereDocument[] = [];
  readonly unclosed: { at: number; what: string }[] = [];
  /** `((` that turned out to be two parentheses; remembered, so that nesting costs no second try. */
  readonly notArithmetic = new Set<number>();

  constructor(text: string) {
    this.text = text;
    this.limit = text.length;
    this.region = newRegion('commands', 0, undefined);
  }

  /** Reads commands to the end, or to an unmatched `)`; true when it found what it was to read to. */
  abstract commands(closer: ')' | undefined): boolean;

  char(ahead = 0): string {
    return this.pos + ahead < this.limit ? this.text.charAt(this.pos + ahead) : '';
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.text)?.[0];
    return found !== undefined && this.pos + found.length <= this.limit ? found : undefined;
  }

  /** Reads a region whose content begins `skip` characters on; `body` leaves `pos` behind the closing mark. */
  within(kind: RegionKind, skip: number, closing: string, body: (region: Region) => boolean): Region {
    const outer = this.region;
    const opening = this.pos;
    this.pos += skip;
    const region = newRegion(kind, this.pos, outer);
    outer.inner.push(region);
    this.region = region;
    this.depth += 1;
    const closed = this.depth <= MAX_DEPTH && body(region);
    this.depth -= 1;
    this.region = outer;
    if (!closed) {
      this.unclosed.push({ at: opening, what: this.text.slice(opening, opening + skip) });
      this.pos = this.limit;
    }
    region.end = closed ? this.pos - closing.length : this.limit;
    return region;
  }

  token(kind: Token['kind'], start: number): void {
    this.region.tokens.push({ kind, start, end: this.pos });
  }

  /** Reads one character, or the whole quoted or expanded part that begins with it. */
  quotable(inDouble: boolean): void {
    const c = this.char();
    if (c === '\\') this.pos = Math.min(this.pos + 2, this.limit);
    else if (c === '$') this.dollar(inDouble);
    else if (c === '`') this.backticks();
    else if (c === "'" && !inDouble) this.single();
    else if (c === '"') this.double();
    else this.pos += 1;
  }

  single(): void {
    this.within('single', 1, "'", () => {
      const end = this.text.indexOf("'", this.pos);
      if (end !== -1) this.pos = end + 1;
      return end !== -1 && this.pos <= this.limit;
    });
  }

  ansi(): void {
    this.within('ansi', 2, "'", () => {
      while (this.pos < this.limit && this.char() !== "'") this.pos += this.char() === '\\' ? 2 : 1;
      this.pos += 1;
      return this.pos <= this.limit;
    });
  }

  double(): void {
    this.within('double', 1, '"', () => {
      while (this.pos < this.limit && this.char() !== '"') this.quotable(true);
      this.pos += 1;
      return this.pos <= this.limit;
    });
  }

  /** The content of backticks ends at the first unescaped one, whatever quotes stand between. */
  backticks(): void {
    this.within('backticks', 1, '`', () => {
      let end = this.pos;
      while (end < this.limit && this.text.charAt(end) !== '`') end += this.text.charAt(end) === '\\' ? 2 : 1;
      if (end >= this.limit) return false;
      const outer = this.limit;
      this.limit = end;
      this.commands(undefined);
      this.limit = outer;
      this.pos = end + 1;
      return true;
    });
  }

  dollar(inDouble: boolean): void {
    const next = this.char(1);
    if (next === '(') {
      if (this.char(2) === '(' && this.arithmetic(3, '))')) return;
      this.within('commands', 2, ')', () => this.commands(')'));
    } else if (next === '{') this.parameter(inDouble);
    else if (next === '[') this.arithmetic(2, ']');
    else if (next === "'" && !inDouble) this.ansi();
    else if (next === '"' && !inDouble) this.pos += 1;
    else if (/[A-Za-z_]/.test(next)) {
      this.within('name', 1, '', () => {
        this.pos += this.match(NAME)?.length ?? 0;
        return true;
      });
    } else this.pos += /[0-9@*#?$!-]/.test(next) ? 2 : 1;
  }

  /** Reads arithmetic; false, and nothing read, when the parentheses turn out to be those of commands. */
  arithmetic(skip: number, closing: '))' | ']'): boolean {
    const opening = this.pos;
    if (this.notArithmetic.has(opening)) return false;
    const kept = {
      inner: this.region.inner.length,
      here: this.hereDocuments.length,
      un: this.unclosed.length,
    };
    let isArithmetic = true;
    this.within('arithmetic', skip, closing, () => {
      let open = 0;
      while (this.pos < this.limit) {
        const c = this.char();
        if (c === closing.charAt(0) && open === 0) {
          isArithmetic = this.text.startsWith(closing, this.pos);
          this.pos += closing.length;
          return true;
        }
        if (c === '(' || (c === '[' && closing === ']')) open += 1;
        if (c === ')' || (c === ']' && closing === ']')) open -= 1;
        this.quotable(false);
      }
      isArithmetic = closing === ']';
      return false;
    });
    if (isArithmetic) return true;
    this.notArithmetic.add(opening);
    this.pos = opening;
    this.region.inner.length = kept.inner;
    this.hereDocuments.length = kept.here;
    this.unclosed.length = kept.un;
    return false;
  }

  subscript(): void {
    this.within('subscript', 1, ']', () => {
      while (this.pos < this.limit && this.char() !== ']') {
        if (this.char() === '[') this.subscript();
        else this.quotable(false);
      }
      this.pos += 1;
      return this.pos <= this.limit;
    });
  }

  /** In `"${a:-'b'}"` single quotes are plain text, in `"${a#'b'}"` they quote. */
  parameter(inDouble: boolean): void {
    this.within('parameter', 2, '}', region => {
      this.pos += this.match(PARAMETER_NAME)?.length ?? 0;
      if (this.char() === '[') this.subscript();
      region.operator = this.match(PARAMETER_OPERATOR) ?? '';
      this.pos += region.operator.length;
      region.operandStart = this.pos;
      const quotesAreText = inDouble && !/^[#%/]/.test(region.operator);
      while (this.pos < this.limit && this.char() !== '}') this.quotable(quotesAreText);
      this.pos += 1;
      return this.pos <= this.limit;
    });
  }
}

export function newRegion(kind: RegionKind, start: number, parent: Region | undefined): Region {
  return { kind, start, end: start, parent, inner: [], tokens: [], operator: '', operandStart: start };
}
