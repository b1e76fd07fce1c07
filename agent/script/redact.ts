/**
 * Masks known secrets in text that a script wrote, before that text leaves the delegate or reaches its log.
 * A secret is masked line by line, as itself and in the encodings that tools print it in.
 */
const mask = '*'.repeat(14);
/** Shorter lines would mask half of a log; they are left alone. */
const shortest = 3;

export type Redact = (text: string) => string;

/** Makes a redactor for these secrets. Shapes that are a credential whoever knows them are masked as well. */
export function redactor(secrets: Iterable<string>): Redact {
  const needles = new Set<string>();
  for (const secret of secrets) {
    const whole = secret.trim();
    // The whole is encoded as one; in the text it appears line by line.
    for (const form of encodings(whole)) addNeedle(needles, form);
    for (const line of secret.split(/\r?\n/)) {
      addNeedle(needles, line.trim());
      for (const form of encodings(line.trim())) addNeedle(needles, form);
    }
  }
  // The longest first, so that a secret that holds another one goes as a whole.
  const alternatives = [...needles].sort((a, b) => b.length - a.length).map(escapeRegExp);
  const known = alternatives.length > 0 ? new RegExp(alternatives.join('|'), 'g') : undefined;
  return text => {
    const masked = known ? text.replaceAll(known, mask) : text;
    return masked.replaceAll(githubToken, mask).replaceAll(maybeJwt, token => (isJwt(token) ? mask : token));
  };
}

const githubToken = /gh[opsur]_[a-zA-Z0-9]{1,250}/g;
const maybeJwt = /[\w-]{10,}\.[\w-]+\.[\w-]*/g;

function isJwt(token: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
    return typeof header === 'object' && header !== null && 'alg' in header;
  } catch {
    return false;
  }
}

function addNeedle(needles: Set<string>, text: string): void {
  if (text.length >= shortest) needles.add(text);
}

/** The forms in which tools print a text: JSON, URL, shell-quoted and base64 in its three alignments. */
function* encodings(text: string): Generator<string> {
  if (text.length < shortest) return;
  yield JSON.stringify(text).slice(1, -1);
  // A lone surrogate can't be URL-encoded; it can't have come out of UTF-8 either.
  if (text.isWellFormed()) {
    yield encodeURIComponent(text);
    yield encodeURIComponent(text).replaceAll('%20', '+');
  }
  yield text.replaceAll("'", "'\\''");
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

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
