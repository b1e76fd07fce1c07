/** The working directory on a host, in which names of variables stand for what they are on the delegate. */

/**
 * Replaces `$NAME` and `${NAME}` by the value that scripts on this delegate see. Returns a problem in words
 * where one has none, or where the result is no absolute path.
 */
export function hostDirectory(
  text: string,
  environment: Readonly<Record<string, string>>,
): { directory: string } | { problem: string } {
  let unset: string | undefined;
  const directory = text.replaceAll(
    /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g,
    (_, braced?: string, bare?: string) => {
      const name = braced ?? bare ?? '';
      const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (!value) unset ??= name;
      return value ?? '';
    },
  );
  if (unset !== undefined) {
    const fix = `set it for the delegate and list it in LEGATE_SCRIPT_ENV, or write the path out`;
    return {
      problem: `the working directory names $${unset}, which the delegate's scripts do not have: ${fix}`,
    };
  }
  if (!directory.startsWith('/')) return { problem: `the working directory must be an absolute path` };
  return { directory };
}
