/** An account of its own on this machine, so that a server logs somebody in whose shell a test chooses. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export interface Account extends Disposable {
  readonly name: string;
}

/** Makes one; only root can. Nobody can log in to it with a password. */
export function temporaryAccount(shell: string, home = '/'): Account {
  const name = `legate-${randomBytes(5).toString('hex')}`;
  // A password that is only locked would keep keys out, too.
  execFileSync('useradd', ['-M', '-N', '-d', home, '-s', shell, '-p', '*', name], { stdio: 'pipe' });
  return {
    name,
    [Symbol.dispose]() {
      execFileSync('userdel', ['-f', name], { stdio: 'pipe' });
    },
  };
}
