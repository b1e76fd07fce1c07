import { newRegion, QuoteReader } from './quote-reader.ts';
import type { HereDocument, Region } from './shell-reading.ts';

/** Ends an unquoted word. */
export const META = ' \t\n;&|<>()';

export abstract class HereDocumentReader extends QuoteReader {
  /** Reads the delimiter behind `<<` at `start`; the body follows later. */
  hereDocumentStart(start: number, stripsTabs: boolean): HereDocument {
    while (this.char() === ' ' || this.char() === '\t') this.pos += 1;
    const delimiter = this.within('delimiter', 0, '', () => {
      while (this.pos < this.limit && !META.includes(this.char())) this.quotable(false);
      return true;
    });
    this.token('target', delimiter.start);
    const written = this.text.slice(delimiter.start, delimiter.end);
    return {
      start,
      stripsTabs,
      delimiter: { start: delimiter.start, end: delimiter.end },
      endsWith: unquote(written),
      quoted: /['"\\]/.test(written),
      body: newRegion('here-document', 0, this.region),
      terminator: undefined,
    };
  }

  hereDocumentBody(hereDocument: HereDocument): void {
    const { body, stripsTabs, endsWith, quoted } = hereDocument;
    body.kind = quoted ? 'verbatim' : 'here-document';
    body.start = this.pos;
    this.hereDocuments.push(hereDocument);
    this.region.inner.push(body);
    let joined = false;
    for (let line = this.pos; line < this.limit; ) {
      const newline = this.text.indexOf('\n', line);
      const end = newline === -1 || newline > this.limit ? this.limit : newline;
      const start = stripsTabs ? line + (/^\t*/.exec(this.text.slice(line, end))?.[0].length ?? 0) : line;
      if (!joined && this.text.slice(start, end) === endsWith) {
        hereDocument.terminator = { start, end };
        body.end = line;
        this.expandingText(body);
        this.pos = Math.min(end + 1, this.limit);
        return;
      }
      joined = !quoted && /(^|[^\\])(\\\\)*\\$/.test(this.text.slice(line, end));
      line = end + 1;
    }
    body.end = this.limit;
    this.expandingText(body);
    this.unclosed.push({ at: hereDocument.start, what: '<<' });
    this.pos = this.limit;
  }

  /** The body of an unquoted here-document is read like double quotes, but `"` means nothing there. */
  expandingText(body: Region): void {
    if (body.kind === 'verbatim') return;
    const outer = { region: this.region, limit: this.limit };
    this.region = body;
    this.pos = body.start;
    this.limit = body.end;
    while (this.pos < this.limit) {
      if (this.char() === '"') this.pos += 1;
      else this.quotable(true);
    }
    this.region = outer.region;
    this.limit = outer.limit;
  }
}

function unquoted(_: string, single?: string, double?: string, escaped = ''): string {
  return single ?? double?.replace(/\\([\\"$`])/g, '$1') ?? escaped;
}

/** Quote removal for a here-document delimiter, in which nothing is expanded. */
function unquote(word: string): string {
  return word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, unquoted);
}
