/** How a delegate's version compares with the control plane's, in words for an operator. */

/** Undefined: they are the same, or one of them is no version. */
export function versionNote(agent: string, server: string): string | undefined {
  const [own, other] = [numbersOf(server), numbersOf(agent)];
  if (!own || !other) return undefined;
  const at = own.findIndex((number, index) => number !== other[index]);
  if (at < 0) return undefined;
  return (other[at] ?? 0) < (own[at] ?? 0)
    ? `update available: ${server}`
    : `newer than the control plane (${server})`;
}

function numbersOf(version: string): number[] | undefined {
  const found = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/.exec(version);
  return found?.slice(1).map(Number);
}
