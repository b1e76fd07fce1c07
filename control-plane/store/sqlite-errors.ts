/** What SQLite's errors mean, by its result codes. */
const busy = 5;
const notADatabase = 26;

/** Another connection holds a lock. */
export function isBusy(error: unknown): boolean {
  return hasCode(error, busy);
}

/** The file is not SQLite's. */
export function isNoDatabase(error: unknown): boolean {
  return hasCode(error, notADatabase);
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === code;
}
