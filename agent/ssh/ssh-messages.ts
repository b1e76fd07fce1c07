/** What the system's ssh says when it fails, as the failures that ssh2's errors become. */
import { HostError, type ResolvedHop } from './connection.ts';
import { DroppedError } from './handshake.ts';

/** The failure that this error output tells of. */
export function explainSsh(text: string, { user }: Pick<ResolvedHop, 'user'>): HostError {
  const lines = text.split(/\r?\n/).map(line => line.trim());
  const find = (pattern: RegExp) => lines.map(line => pattern.exec(line)).find(found => found !== null);
  const denied = find(/Permission denied \(([^)]*)\)/);
  if (denied) {
    return new HostError(
      'host-authentication-failed',
      `the host refused the login of ${user}: tried publickey with a certificate; the host offers ${denied[1]?.replaceAll(',', ', ')}; see that the certificate is valid now, names this user, and is signed by an authority that the host trusts`,
    );
  }
  if (find(/Too many authentication failures/)) {
    return new HostError(
      'host-authentication-failed',
      `the host refused the login of ${user}: too many keys of the ssh-agent were tried`,
    );
  }
  if (find(/IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|host key .* revoked/i))
    return new HostError(
      'host-key-mismatch',
      'the host shows another key than the one that is listed for it',
    );
  const unknown = find(/^(No .* host key is known for|Host key verification failed|Certificate invalid.*)/);
  if (unknown) {
    return new HostError(
      'host-key-unknown',
      `the host shows no certificate that an authority in LEGATE_KNOWN_HOSTS (@cert-authority) has signed for it (${unknown[0]})`,
    );
  }
  const negotiation = find(/Unable to negotiate .*?: (.*)$/);
  if (negotiation)
    return new HostError('host-key-exchange-failed', negotiation[1] ?? 'no algorithm in common');
  if (find(/kex_exchange_identification|Connection (closed|reset) by|Connection to .* (closed|timed out)/))
    return new DroppedError('host-unreachable', 'the host closed the connection before the login');
  const last = lines.findLast(line => line !== '') ?? 'it said nothing';
  return new HostError('host-unreachable', `ssh could not log in (${last.slice(0, 200)})`);
}
