import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostDirectory } from './host-directory.ts';

const environment = { HOME: '/home/legate', APP: 'app one', DOLLAR: '$HOME' };

describe('a working directory stands for', () => {
  const found: [text: string, directory: string][] = [
    ['/srv/app', '/srv/app'],
    ['$HOME/x', '/home/legate/x'],
    [`\${HOME}x`, '/home/legatex'],
    ['/srv/$APP/$APP', '/srv/app one/app one'],
    ['/srv/$DOLLAR', '/srv/$HOME'],
    ['/srv/$1$(id)`id`$$', '/srv/$1$(id)`id`$$'],
    ['/srv/a"b\\c', '/srv/a"b\\c'],
  ];
  for (const [text, directory] of found)
    test(text, () => assert.deepEqual(hostDirectory(text, environment), { directory }));
});

describe('a working directory is refused', () => {
  const refused: [text: string, problem: RegExp][] = [
    ['/srv/$NOWHERE', /names \$NOWHERE, which the delegate's scripts do not have/],
    ['$toString/x', /names \$toString,/],
    ['srv', /must be an absolute path/],
    ['$APP', /must be an absolute path/],
  ];
  for (const [text, problem] of refused) {
    test(text, () => {
      const found = hostDirectory(text, environment);
      assert.match('problem' in found ? found.problem : '', problem);
    });
  }
});
