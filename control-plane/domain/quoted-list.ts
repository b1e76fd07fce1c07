/** Lists as the methods of `<+input>` have them: commas between, `\'…\'` or `\"…\"` around what holds one. */

/** Behind the quoted part that begins at `at`; undefined where none does, or none that ends. */
export function quotedPart(text: string, at: number): number | undefined {
  const mark = text.slice(at, at + 2);
  if (mark !== "\\'" && mark !== '\\"') return undefined;
  const end = text.indexOf(mark, at + 2);
  return end === -1 ? undefined : end + 2;
}

/** The items, trimmed, with their quotes. */
export function splitList(text: string): string[] {
  const items: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const quoted = quotedPart(text, at);
    if (quoted !== undefined) at = quoted - 1;
    else if (text[at] === ',') {
      items.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...items, text.slice(start).trim()];
}

/** Takes away one pair of quotes around the whole. */
export function unquote(text: string): string {
  return quotedPart(text, 0) === text.length ? text.slice(2, -2) : text;
}
