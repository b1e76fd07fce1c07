/** The end of a text in at most `most` characters: whole lines, unless that would cost half of it. */
export function lastLines(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = text.slice(-most);
  const line = end.indexOf('\n');
  return line >= 0 && line < end.length / 2 ? end.slice(line + 1) : withoutHalves(end);
}

/** Cuts a text into pieces of at most `most` characters. */
export function pieces(text: string, most: number): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const part = text.slice(at, at + most);
    // A character beyond the first 65,536 is two units here, which must not be parted.
    const whole = isHighHalf(part.charCodeAt(part.length - 1)) && part.length > 1 ? part.slice(0, -1) : part;
    parts.push(whole);
    at += whole.length;
  }
  return parts;
}

const isHighHalf = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const withoutHalves = (text: string) => text.replace(/^[\udc00-\udfff]/, '');
