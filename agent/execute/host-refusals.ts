/** Says why a host did not begin to run bash, from what it did instead. */
import { hostProgram, refusals } from '../script/host-bootstrap.ts';
import type { ResolvedTarget } from '../ssh/connection.ts';
import type { End } from './execution.ts';

/** Most of what a host says by itself that is repeated. */
const mostQuoted = 200;

export function whyNotBegun(
  exit: { exitCode: number } | { signal: string },
  { host, user }: ResolvedTarget,
  said: string,
): End {
  const not = (reason: 'shell-missing' | 'host-channel-refused', detail: string): End => ({
    kind: 'not-started',
    reason,
    detail,
  });
  const lines = said.split(/[\r\n]+/);
  const line = (word: string) => lines.find(text => text.startsWith(word));
  if (line(refusals.noBash)) {
    return not('shell-missing', `there is no bash on the PATH that ${user} has on ${host}`);
  }
  const old = line(refusals.oldBash);
  if (old) {
    const version = old.slice(refusals.oldBash.length).trim().slice(0, 40);
    return not('shell-missing', `the bash on ${host} is too old: ${version}; 4.1 is needed`);
  }
  if (line(refusals.noInput)) {
    const what = `a start-up file of ${user}'s login shell on ${host} reads the standard input`;
    return not('host-channel-refused', `${what}, which is meant for the script`);
  }
  const how = 'signal' in exit ? `was ended by ${exit.signal}` : `ended with exit code ${exit.exitCode}`;
  const why = `is there a forced command, or may ${user} not run commands?`;
  return not(
    'host-channel-refused',
    `${host} ran something else than bash, which ${how}${quote(said)}; ${why}`,
  );
}

/** What a host said, where that is a short text and not an echo of what it was sent. */
function quote(said: string): string {
  const text = said.trim();
  if (text === '' || text.includes(hostProgram.slice(0, 40))) return '';
  const line = text.split(/[\r\n]/)[0]?.replaceAll(/[^\x20-\x7e]/g, '') ?? '';
  return line === '' ? '' : ` and said "${line.slice(0, mostQuoted)}"`;
}
