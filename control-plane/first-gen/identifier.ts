/**
 * The identifier of what FirstGen made: it knows ids only, and the store's rows have identifiers. One id, one
 * identifier: letters, digits and `_` stand for themselves, everything else is a number between two `$`.
 */
export function firstGenIdentifier(uuid: string): string {
  return `fg_${uuid.replace(/[^0-9a-zA-Z_]/gu, found => `$${found.codePointAt(0)?.toString(16)}$`)}`;
}
