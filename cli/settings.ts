/** The client's settings; the one file of the command line that reads the environment. */
import { readFileSync } from 'node:fs';

/** A wrong flag, setting or file: one line, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ClientSettings {
  readonly server: URL;
  readonly apiKey: string;
}

/** Reads `LEGATE_SERVER`, `LEGATE_API_KEY` and `LEGATE_API_KEY_FILE`. Throws a `UsageError`. */
export function readClientSettings(env: NodeJS.ProcessEnv = process.env): ClientSettings {
  const text = env.LEGATE_SERVER?.trim() || 'http://127.0.0.1:8080';
  const server = URL.parse(text);
  if (!server || !/^https?:$/.test(server.protocol)) {
    throw new UsageError(
      `LEGATE_SERVER must be an http or https address, as in https://legate.example (got "${text}")`,
    );
  }
  if (server.username || server.password)
    throw new UsageError('LEGATE_SERVER must not hold a user name or password; the key is LEGATE_API_KEY');
  const file = env.LEGATE_API_KEY_FILE?.trim();
  const apiKey = env.LEGATE_API_KEY?.trim() || (file && readKeyFile(file));
  if (!apiKey) {
    throw new UsageError(
      "LEGATE_API_KEY or LEGATE_API_KEY_FILE is required; the administrator's key is in admin.key in the server's data folder",
    );
  }
  if (!/^[\x21-\x7e]{1,512}$/.test(apiKey))
    throw new UsageError('the API key must be one line of printable text');
  return { server, apiKey };
}

/** The organisation and project in which references without prefix, or with `org.`, are read. */
export interface Place {
  readonly orgIdentifier?: string;
  readonly projectIdentifier?: string;
}

/**
 * What the options say, else `LEGATE_ORG` and `LEGATE_PROJECT`. The variable's project belongs to the variable's
 * organisation: an option for another one leaves it aside.
 */
export function readPlace(
  { org, project }: { readonly org?: string; readonly project?: string },
  env: NodeJS.ProcessEnv = process.env,
): Place {
  const orgIdentifier = (org ?? env.LEGATE_ORG)?.trim();
  const projectIdentifier = (project ?? (org === undefined ? env.LEGATE_PROJECT : undefined))?.trim();
  if (projectIdentifier && !orgIdentifier)
    throw new UsageError('a project is one of an organisation; give --org, or LEGATE_ORG, too');
  return {
    ...(orgIdentifier ? { orgIdentifier } : {}),
    ...(projectIdentifier ? { projectIdentifier } : {}),
  };
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`LEGATE_API_KEY_FILE: cannot read ${file} (${code})`);
  }
}
