/**
 * From the bytes a script left in `secret` to the value: decoded as UTF-8, line ends unified, characters up
 * to U+0020 removed at both ends (not the wider set of `String.trim`, which would take U+00A0 and U+FEFF
 * too). These are the rules that scripts written for the original rely on, to the byte.
 */
export type Value = { ok: true; bytes: Buffer } | { ok: false; reason: 'empty-value' | 'invalid-value' };

export function toValue(raw: Buffer): Value {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    return { ok: false, reason: 'invalid-value' };
  }
  const value = trimAscii(text.replaceAll(/\r\n?/g, '\n'));
  // jq -r prints "null" for a key that isn't there.
  if (value === '' || value === 'null') return { ok: false, reason: 'empty-value' };
  return { ok: true, bytes: Buffer.from(value) };
}

function trimAscii(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 0x20) start += 1;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end -= 1;
  return text.slice(start, end);
}
