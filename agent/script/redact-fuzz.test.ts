/** Random secrets in random text, in every encoding: none survives. The seed makes a failure come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactor } from './redact.ts';

/** Mulberry32: small, and the same on every machine. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const alphabets = [
  'abcdefghijklmnopqrstuvwxyz0123456789',
  'aAbB01+/=_-.',
  ' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
  'äöüßéñ€😀日本語abc',
  'a\nb\r\nc d',
];

/** What of the encoded text is made of the secret alone, whatever stands around it. */
function base64Of(secret: string, before: string, after: string): { text: string; seen: string } {
  const [start, length] = [before, secret].map(part => Buffer.byteLength(part));
  const text = Buffer.from(before + secret + after).toString('base64');
  const from = Math.ceil(((start ?? 0) * 8) / 6);
  return { text, seen: text.slice(from, Math.floor((((start ?? 0) + (length ?? 0)) * 8) / 6)) };
}

/** How a tool may print a secret between two other texts; `seen` is what must not be left of it. */
type Encode = (secret: string, before: string, after: string) => { text: string; seen: string };

const encodings: Record<string, Encode> = {
  raw: (secret, before, after) => ({ text: before + secret + after, seen: secret }),
  JSON: (secret, before, after) => {
    const seen = JSON.stringify(secret).slice(1, -1);
    return { text: JSON.stringify({ [before]: secret, after }), seen };
  },
  URL: (secret, before, after) => {
    const [name, seen, rest] = [before, secret, after].map(encodeURIComponent);
    return { text: `https://host/?${name}=${seen}&${rest}`, seen: seen ?? '' };
  },
  base64: base64Of,
  'base64 in lines': (secret, before, after) => {
    const { text, seen } = base64Of(secret, before, after);
    return { text: text.replaceAll(/.{76}/g, '$&\n'), seen };
  },
};

const seed = 20_240_229;

for (const [name, encode] of Object.entries(encodings)) {
  test(`no secret survives: ${name}, seed ${seed}`, () => {
    const below = random(seed);
    const pick = (letters: string[]) => letters[below(letters.length)] ?? '';
    const text = (least: number, most: number) => {
      const letters = Array.from(pick(alphabets));
      return Array.from({ length: least + below(most - least + 1) }, () => pick(letters)).join('');
    };
    for (let round = 0; round < 80; round += 1) {
      const secrets = Array.from({ length: 1 + below(4) }, () => `x${text(4, 120)}y`);
      const redact = redactor(secrets);
      // Three lengths in a row are the three alignments.
      for (const length of [round, round + 1, round + 2]) {
        const pieces = secrets.map(secret => encode(secret, 'b'.repeat(length), text(0, 60)));
        const redacted = redact(pieces.map(piece => piece.text).join('\n')).replaceAll('*'.repeat(14), '\0');
        const lines = secrets.flatMap(secret => secret.split(/[\r\n]+/)).map(line => line.trim());
        for (const seen of [
          ...pieces.map(piece => piece.seen),
          ...lines.filter(line => line.length >= 3 && !name.includes('lines')),
        ]) {
          const survives = (name.includes('lines') ? redacted.replaceAll('\n', '') : redacted).includes(seen);
          assert.ok(!survives, `round ${round}: ${JSON.stringify({ secrets, redacted, seen })}`);
        }
      }
    }
  });
}
