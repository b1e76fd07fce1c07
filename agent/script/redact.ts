/**
 * Masks known secrets in text that a script wrote, before that text leaves the delegate or reaches its log.
 * A secret is masked line by line, as itself and in the encodings that tools print it in. No pattern is ever
 * made out of a secret: one that is too large fails, and its error quotes it.
 */
import { type FindMatches, noPatterns } from './custom-patterns.ts';

const mask = '*'.repeat(14);
/** Shorter lines would mask half of a log; they are left alone. */
const shortest = 3;

/** Masks a text. What stands before `from` helps to recognise what comes after it, and is not part of the result. */
export type Redact = (text: string, from?: number) => string;

/** What is to be masked, from its first character to before its end. */
type Range = readonly [start: number, end: number];

/**
 * Makes a redactor for these secrets. Shapes that are a credential whoever knows them are masked as well, and what these
 * patterns find. `onMasked` hears in how many places of a text there was something.
 */
export function redactor(
  secrets: Iterable<string>,
  patterns: FindMatches = noPatterns,
  onMasked: (places: number) => void = () => {},
): Redact {
  const all = [...secrets];
  let needles: Needles | undefined;
  return (text, from = 0) => {
    if (text.length === from) return '';
    needles ??= needlesOf(all);
    const { literal, base64 } = needles;
    const ranges = [
      ...occurrences(text, literal),
      ...wrappedOccurrences(text, base64),
      ...githubTokens(text),
      ...jwts(text),
      ...patterns(text),
    ];
    return maskRanges(text, ranges, from, onMasked);
  };
}

/** Fewer characters of base64 than these, at the end of a line, are there by chance. */
const shortestBeginning = 4;

/**
 * Tells where the end of a text may be the beginning of a secret in base64 that goes on in the next line; a
 * text that ends otherwise ends there. Only what is wrapped spans lines.
 */
export function undecidedEnd(secrets: Iterable<string>): (text: string) => number {
  const all = [...secrets];
  let needles: Set<string> | undefined;
  let byBeginning = new Map<string, string[]>();
  return text => {
    if (!needles) {
      needles = needlesOf(all).base64;
      byBeginning = Map.groupBy(needles, needle => needle.slice(0, shortestBeginning));
    }
    const { flat, positions } = flatten(text);
    let end = beginningAtEnd(flat, byBeginning);
    if (end === undefined) return text.length;
    // Nor may an end part a secret that is there in full, of which this beginning is a piece.
    for (const [start, rangeEnd] of [...occurrences(flat, needles)].sort(([a], [b]) => b - a))
      if (start < end && rangeEnd > end) end = start;
    return positions[end] ?? text.length;
  };
}

/** Where the longest end of a text begins that is the beginning of one of these needles. */
function beginningAtEnd(text: string, needles: Map<string, string[]>): number | undefined {
  for (let at = 0; at + shortestBeginning <= text.length; at += 1) {
    const rest = text.slice(at);
    for (const needle of needles.get(rest.slice(0, shortestBeginning)) ?? [])
      if (needle.length > rest.length && needle.startsWith(rest)) return at;
  }
  return undefined;
}

/** Ranges that overlap go as one, so that no rest of a secret stays behind the mask of another. */
function maskRanges(text: string, ranges: Range[], from: number, onMasked: (places: number) => void): string {
  ranges.sort(([a], [b]) => a - b);
  let masked = '';
  let places = 0;
  let end = from;
  for (const [start, rangeEnd] of ranges) {
    if (rangeEnd <= from) continue;
    const rangeStart = Math.max(start, from);
    if (rangeStart >= end) {
      masked += text.slice(end, rangeStart) + mask;
      places += 1;
    }
    end = Math.max(end, rangeEnd);
  }
  if (places > 0) onMasked(places);
  return masked + text.slice(end);
}

function* occurrences(text: string, needles: Iterable<string>): Generator<Range> {
  // A secret may have ten thousand lines; looking through the text for each of them would take minutes. What is
  // shorter than these beginnings is not found, as it shall not be.
  const places = new Map<string, number[]>();
  for (let at = 0; at + shortest <= text.length; at += 1) {
    const begin = text.slice(at, at + shortest);
    const known = places.get(begin);
    if (known) known.push(at);
    else places.set(begin, [at]);
  }
  for (const needle of needles)
    for (const at of places.get(needle.slice(0, shortest)) ?? [])
      if (text.startsWith(needle, at)) yield [at, at + needle.length];
}

/** Base64 is often broken into lines, at a width that only the tool knows, and indented. */
function* wrappedOccurrences(text: string, needles: Iterable<string>): Generator<Range> {
  const { flat, positions } = flatten(text);
  for (const [start, end] of occurrences(flat, needles))
    yield [positions[start] ?? 0, (positions[end - 1] ?? text.length) + 1];
}

/** A text without its white space, and where each of the characters stood. */
function flatten(text: string): { flat: string; positions: number[] } {
  const positions: number[] = [];
  let flat = '';
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    flat += word;
    for (let at = 0; at < word.length; at += 1) positions.push(index + at);
  }
  return { flat, positions };
}

function* githubTokens(text: string): Generator<Range> {
  for (const { 0: token, index } of text.matchAll(/gh[opsur]_[a-zA-Z0-9]{1,250}/g))
    yield [index, index + token.length];
}

function* jwts(text: string): Generator<Range> {
  // Taken apart by hand: a pattern of three parts takes the square of a long word's length.
  for (const { 0: run, index } of text.matchAll(/[\w.-]+/g)) {
    const parts = run.split('.');
    const header = parts.findIndex((part, at) => at + 2 < parts.length && isJwtHeader(part));
    if (header >= 0) yield [index + [...parts.slice(0, header), ''].join('.').length, index + run.length];
  }
}

function isJwtHeader(part: string): boolean {
  if (part.length < 10) return false;
  try {
    const header: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof header === 'object' && header !== null && 'alg' in header;
  } catch {
    return false;
  }
}

/** The texts to look for: those that stand in the text as they are, and those that it may have wrapped. */
interface Needles {
  readonly literal: Set<string>;
  readonly base64: Set<string>;
}

function needlesOf(secrets: readonly string[]): Needles {
  const literal = new Set<string>();
  const base64 = new Set<string>();
  for (const secret of secrets) {
    // The whole is encoded as one; in the text it appears line by line.
    const lines = secret.split(/\r\n?|\n/).map(line => line.trim());
    for (const line of lines) literal.add(line);
    for (const text of new Set([secret.trim(), ...lines])) {
      if (text.length < shortest) continue;
      for (const form of encodings(text)) literal.add(form);
      for (const form of base64Forms(text)) base64.add(form);
    }
  }
  return { literal, base64 };
}

/** The forms in which tools print a text: JSON, with and without what is beyond ASCII, URL and shell-quoted. */
function* encodings(text: string): Generator<string> {
  const json = JSON.stringify(text).slice(1, -1);
  yield json;
  yield json.replaceAll(/[\u0080-\uffff]/g, char => `\\u${hex(char, 4)}`);
  // A lone surrogate can't be URL-encoded; it can't have come out of UTF-8 either.
  if (text.isWellFormed()) {
    const url = encodeURIComponent(text);
    yield url;
    yield url.replaceAll('%20', '+');
    yield url.replaceAll(/[!'()*]/g, char => `%${hex(char, 2).toUpperCase()}`);
  }
  yield text.replaceAll("'", "'\\''");
}

/** What all base64 of anything that holds this text has in common, in its three alignments. */
function* base64Forms(text: string): Generator<string> {
  for (const shift of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]);
    // The characters at the edges mix with what stands before and after; the middle is always the same.
    const start = Math.ceil((shift * 8) / 6);
    const end = Math.floor((bytes.length * 8) / 6);
    for (const form of [bytes.toString('base64'), bytes.toString('base64url')]) {
      const middle = form.slice(start, end);
      if (middle.length >= 4) yield middle;
    }
  }
}

const hex = (char: string, digits: number) => char.charCodeAt(0).toString(16).padStart(digits, '0');
