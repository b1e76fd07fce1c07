/** The other end of systemd's notifications: a Unix datagram socket, which Node itself can't open. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { becomesTrue } from './world.ts';

const listener = `
use IO::Socket::UNIX; $| = 1;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die "cannot listen: $!";
print "listening\\n";
while (defined recv($socket, my $text, 65536, 0)) { $text =~ s/\\n/;/g; print "$text\\n"; }
`;

export interface NotifySocket extends AsyncDisposable {
  /** What has come, a line per datagram. */
  readonly heard: readonly string[];
  /** Resolves when a notification has come that is like this; fails where none comes. */
  hears(pattern: RegExp): Promise<void>;
}

export async function openNotifySocket(path: string): Promise<NotifySocket> {
  const child = spawn('perl', ['-e', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => lines.push(line));
  const ended = new Promise(resolve => child.once('close', resolve));
  await becomesTrue(() => lines[0] === 'listening', 'perl does not listen');
  return {
    heard: lines,
    hears: pattern =>
      becomesTrue(
        () => lines.some(line => pattern.test(line)),
        `nothing like ${pattern} came: ${lines.join(' | ')}`,
      ),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
